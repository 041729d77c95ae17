import type { PopError } from '@pop-api/protocol'
import type { Received } from './receive/received.ts'
import type { Routed } from './route/route.ts'
import type { Notes } from './serve/operation.ts'
import type { Trace } from './trace/traces.ts'

/** Where a request can be refused. `receive` refuses before there is any progress. */
export type Stage =
  | 'receive'
  | 'admit'
  | 'route'
  | 'identify'
  | 'permit'
  | 'limit'
  | 'serve'
  | 'validate'
  | 'dress'
  | 'record'
  | 'forward'

/** How far a request came: what its closing event says, also when a stage refused it. Grows in `handle()` alone. */
export interface Progress extends Notes {
  readonly received: Received
  readonly trace: Trace
  /** When it began, by the clock of the metrics. */
  readonly beganMs: number
  /** The stage that works on it now. */
  stage: Stage
  /** What it was refused with. */
  refusal?: PopError
  routed?: Routed
  decision?: string
  reason?: string
  txn?: string
  /** A change was announced and may have happened. */
  opened: boolean
}
