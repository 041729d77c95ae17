import type { Caller } from './identify/caller.ts'
import type { Received } from './receive/received.ts'
import type { Routed } from './route/route.ts'

/** How far a request came: what its closing event says, also when a stage refused it. Grows in `handle()` alone. */
export interface Progress {
  readonly received: Received
  routed?: Routed
  caller?: Caller
  decision?: string
  reason?: string
  txn?: string
  /** A change was announced and may have happened. */
  opened: boolean
}
