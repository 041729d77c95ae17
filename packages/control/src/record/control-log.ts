import { join } from 'node:path'
import { openFileLog, type AuditEvent, type AuditLog } from '@pop-api/audit'
import { PopError } from '@pop-api/protocol'
import { countRefused } from './count-refused.ts'

/** What control says of an event; the time and `service` are added, and who is nobody counts as `-`. */
export type ControlEvent = Omit<AuditEvent, 'timestamp' | 'service' | 'user' | 'ip_address'> &
  Partial<Pick<AuditEvent, 'user' | 'ip_address'>>

/** Control's own audit log. */
export interface ControlLog {
  /**
   * Resolves once the event is on the disk. Throws `audit-unavailable` when it is not, and then whoever asked is not answered as if
   * it were done; `outcome` in it says whether it was.
   */
  readonly record: (event: ControlEvent, outcome: 'nothing' | 'unknown') => Promise<void>
  /**
   * Counts a refusal of something that anybody could repeat without end: one event for each kind and second, in a space of its
   * own, so that nobody can fill the log.
   */
  readonly refused: (event: Omit<ControlEvent, 'status'>, failure: unknown) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface ControlLogOptions {
  /** Control's folder: `audit/` and `refusals/` come to lie in it. */
  readonly home: string
  readonly nowMs: () => number
  /** Told of refusals that could not be written. */
  readonly onFault: (fault: unknown) => void
}

/** Those who are refused decide how much is written here: the oldest makes room. */
const refusalSpace = { fileBytesMax: 8 * 1024 * 1024, filesMax: 8 }

/** Opens the log. The caller disposes it, after everything that writes to it. */
export async function openControlLog({ home, nowMs, onFault }: ControlLogOptions): Promise<ControlLog> {
  await using opened = new AsyncDisposableStack()
  const audit = opened.use(await openFileLog({ directory: join(home, 'audit') }))
  const refusals: AuditLog = opened.use(await openFileLog({ directory: join(home, 'refusals'), ...refusalSpace }))
  const counter = opened.use(countRefused(refusals, onFault))
  const complete = (event: ControlEvent): AuditEvent => ({
    timestamp: new Date(nowMs()).toISOString(),
    user: '-',
    service: 'control',
    ip_address: '-',
    ...event,
  })
  const owned = opened.move()
  return {
    record: async (event, outcome) => {
      try {
        await audit.append(complete(event), 'durable')
      } catch (cause) {
        throw new PopError('audit-unavailable', 'Control could not record this in its audit log.', {
          cause,
          headers: { 'retry-after': '5' },
          members: { outcome },
        })
      }
    },
    refused: (event, failure) => {
      // What is no refusal has its own place in the log of the process.
      const reason = failure instanceof PopError ? failure.code : 'internal'
      const code = failure instanceof PopError ? failure.status : 500
      counter.count(complete({ reason, code, ...event, status: code < 500 ? 'refused' : 'failure' }))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
