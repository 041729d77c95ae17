import type { Received } from './receive/received.ts'
import type { Routed } from './route/route.ts'
import type { Notes } from './serve/operation.ts'

/** How far a request came: what its closing event says, also when a stage refused it. Grows in `handle()` alone. */
export interface Progress extends Notes {
  readonly received: Received
  routed?: Routed
  decision?: string
  reason?: string
  txn?: string
  /** A change was announced and may have happened. */
  opened: boolean
}
