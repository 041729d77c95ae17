import { PopError } from '@pop-api/protocol'
import type { Received } from '../receive/received.ts'
import { networkOf } from './network.ts'

/** What is asked before anything about a request is verified. */
export interface Admission {
  readonly draining: () => boolean
  /** Takes one from the rate of a network, or throws `rate-limited`. */
  readonly limitNetwork: (network: string, nowMs: number) => void
}

/** The cheap refusals: 503 while this gateway goes down, 429 for too many connections or requests from one network. */
export function admit(received: Received, { draining, limitNetwork }: Admission): void {
  if (draining())
    throw new PopError('draining', 'This gateway takes no new request.', { headers: { 'retry-after': '1' } })
  if (received.crowded)
    throw new PopError('too-many-connections', 'This address holds as many connections as it may.', {
      headers: { 'retry-after': '1' },
    })
  limitNetwork(networkOf(received.address), received.startedMs)
}
