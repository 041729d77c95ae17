import { PopError } from '@pop-api/module'
import type { Topic } from './topic-driver.ts'

const entriesMax = 32
const bytesMax = 2048

/**
 * Throws `body-invalid` for configs of more than 32 entries or 2048 bytes as JSON. A change is merged with what is there, so that
 * no single request shows how large they become; a page of a hundred topics must still fit into one answer.
 */
export function refuseLargeConfigs(configs: Topic['configs']): void {
  const entries = Object.keys(configs).length
  const bytes = Buffer.byteLength(JSON.stringify(configs))
  if (entries <= entriesMax && bytes <= bytesMax) return
  const bounds = `at most ${entriesMax} entries and ${bytesMax} bytes as JSON`
  throw new PopError('body-invalid', `A topic has configs of ${bounds}; these would be ${entries} and ${bytes}.`, {
    members: { errors: [{ pointer: '/configs', message: `must have ${bounds} together with those of the topic` }] },
  })
}
