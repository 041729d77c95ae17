import { networkOf } from '../admit/network.ts'
import type { Answer } from '../answer.ts'
import type { Permitted } from '../permit/permit.ts'
import type { RequestBody } from '../receive/body.ts'
import type { Routed } from '../route/route.ts'
import type { Notes, OpenOperation, OwnOperation, OwnRequest } from './operation.ts'

/** Forms and nothing else come without a token. */
const openBodyBytesMax = 16 * 1024

/** An operation for anybody, limited by network; whoever it turns out to be goes into `notes`. */
export async function serveOpen(
  routed: Routed<OpenOperation>,
  body: RequestBody,
  notes: Notes,
  limitSignIn: (network: string, nowMs: number) => void,
): Promise<Answer> {
  const { received, destination } = routed
  if (destination.ofProvider !== true) limitSignIn(networkOf(received.address), received.startedMs)
  return destination.serve({ received, body: await body.collect(openBodyBytesMax), notes })
}

/** An operation of the gateway for a caller that may use it. */
export async function serveOwn(
  permitted: Permitted<OwnOperation>,
  body: RequestBody,
  notes: OwnRequest['notes'],
  announce: OwnRequest['announce'],
): Promise<Answer> {
  return permitted.identified.routed.destination.serve({ permitted, body, notes, announce })
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
