import type { Readable } from 'node:stream'
import { bulletinCharactersMax } from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'

/**
 * The `data` of each server-sent event (HTML standard, section 9.2.6), in order. Comments and other fields are skipped. Ends
 * with the stream; throws `control-unreadable` for an event longer than a bulletin may be, and whatever error ends the stream.
 */
export async function* readEventData(stream: Readable): AsyncGenerator<string> {
  stream.setEncoding('utf8')
  let rest = ''
  let data: string[] = []
  // With an encoding set, chunks are strings.
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > bulletinCharactersMax) throw new WorkloadError('control-unreadable', 'An event is too long.')
    for (const line of lines.map((text) => text.replace(/\r$/, ''))) {
      if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''))
      if (line !== '' || data.length === 0) continue
      yield data.join('\n')
      data = []
    }
  }
}
