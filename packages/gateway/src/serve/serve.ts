import { networkOf } from '../admit/network.ts'
import type { Answer } from '../answer.ts'
import type { ReadBody } from '../handle.ts'
import type { Permitted } from '../permit/permit.ts'
import type { Routed } from '../route/route.ts'
import type { Notes, OpenOperation, OwnOperation } from './operation.ts'

/** Forms and nothing else come without a token. */
const openBodyBytesMax = 16 * 1024

/** An operation for anybody, limited by network; whoever it turns out to be goes into `notes`. */
export async function serveOpen(
  routed: Routed<OpenOperation>,
  body: ReadBody,
  notes: Notes,
  limitSignIn: (network: string, nowMs: number) => void,
): Promise<Answer> {
  const { received, destination } = routed
  limitSignIn(networkOf(received.address), received.startedMs)
  return destination.serve({ received, body: await body(openBodyBytesMax), notes })
}

/** An operation of the gateway for a caller that may use it. */
export async function serveOwn({ identified }: Permitted<OwnOperation>): Promise<Answer> {
  const { routed, caller } = identified
  return routed.destination.serve(caller)
}

/** An answer of the gateway's own as JSON. */
export function jsonAnswer(status: number, value: unknown, fields: readonly string[] = []): Answer {
  const body = Buffer.from(JSON.stringify(value), 'utf8')
  return {
    status,
    fields: ['content-type', 'application/json', 'content-length', String(body.length), ...fields],
    body,
  }
}
