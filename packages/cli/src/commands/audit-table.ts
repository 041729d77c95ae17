import type { AuditEvent } from '@pop-api/audit'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import { layTable, widen, type Column } from '../print/table.ts'

/** An event and the log in which it stands, such as `gateway`. */
export interface LoggedEvent {
  readonly log: string
  readonly event: AuditEvent
}

/** Writes events, those of a later call below those of the calls before. */
export type WriteEvents = (events: readonly LoggedEvent[]) => Promise<void>

/** Each event as one line of JSON, with its log. */
export function jsonWriter(out: Output): WriteEvents {
  return async (events) => {
    for (const { log, event } of events) await writeJson({ ...event, log }, out)
  }
}

const titles = ['TIME', 'LOG', 'SERVICE', 'USER', 'ACTION', 'RESOURCE', 'STATUS', 'MS', 'REQUEST']
/** A transaction is as long as a request id: only here there is room for both. */
const wideColumns = 160

/** A table that goes on; why something was not a success stands at the end of its line. */
export function tableWriter(out: Output): WriteEvents {
  const isWide = out.columns !== undefined && out.columns >= wideColumns
  const all = [...titles, ...(isWide ? ['TXN'] : []), 'REASON']
  let columns: readonly Column[] = all.map((title) => ({ title, align: title === 'MS' ? 'right' : 'left' }))
  let hasHead = false
  return async (events) => {
    if (events.length === 0) return
    const today = out.isTerminal ? new Date().toISOString().slice(0, 10) : undefined
    const rows = events.map((logged) => rowOf(logged, today, isWide))
    columns = widen(columns, rows)
    // A request id that is cut off is of no use: long lines go on in the next one.
    const { head, rows: lines } = layTable(columns, rows, { columns: undefined, paint: out.paint })
    for (const line of hasHead ? lines : [head, ...lines]) await out.writeLine(line)
    hasHead = true
  }
}

/** For a person, an event of this day stands without it. Times are UTC. */
function rowOf({ log, event }: LoggedEvent, today: string | undefined, isWide: boolean): readonly string[] {
  const { timestamp, service, user, action, resource_id, status, code, count, latency_ms, request_id, txn } = event
  const outcome = [status, ...[code].filter(isNumber).map(String), ...[count].filter(isNumber).map((n) => `×${n}`)]
  const time = timestamp.slice(0, 10) === today ? timestamp.slice(11) : timestamp
  const latency = isNumber(latency_ms) ? String(Math.round(latency_ms)) : '-'
  const cells = [time, log, service, user, action, resource_id, outcome.join(' '), latency, request_id ?? '-']
  const reason = status === 'success' ? '' : (event.reason ?? '')
  return [...cells, ...(isWide ? [txn ?? '-'] : []), reason].map(String)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
