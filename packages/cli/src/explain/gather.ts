import type { AuditEvent } from '@pop-api/audit'
import { auditLogs, noAuditLogs, openAuditCursor, type HomeLog } from '../client/audit-cursor.ts'

/** What the logs of a home have of one request. */
export interface Gathered {
  readonly requestId: string
  /** The gateway's announcement of a change. */
  readonly opening: AuditEvent | undefined
  /** The gateway's last word. */
  readonly closing: AuditEvent | undefined
  /** What modules recorded, each with the process that wrote it. */
  readonly ofModules: readonly { readonly process: string; readonly event: AuditEvent }[]
  /** Set where only the front door counted it. */
  readonly counted: AuditEvent | undefined
}

/**
 * Everything that the logs of a home have of the request that an id names: its own id, its decision or its transaction. Undefined
 * where none of them has it. Throws a CommandFailure (usage) where the logs cannot be read, or there are none.
 */
export async function gather(home: string, id: string): Promise<Gathered | undefined> {
  const logs = await auditLogs(home)
  if (logs.length === 0) throw noAuditLogs(home)
  const requestId = await findRequest(logs, id)
  if (requestId === undefined) return undefined
  const events = await eventsOf(logs, (event) => event.request_id === requestId)
  const ofGateway = events.filter(({ log }) => log.name === 'gateway').map(({ event }) => event)
  return {
    requestId,
    opening: ofGateway.find(({ status }) => status === 'opened'),
    closing: ofGateway.findLast(({ status }) => status !== 'opened'),
    ofModules: events
      .filter(({ log }) => log.process !== 'gateway')
      .map(({ log, event }) => ({ process: log.process, event })),
    counted: events.find(({ log }) => log.name === 'gateway refusals')?.event,
  }
}

async function findRequest(logs: readonly HomeLog[], id: string): Promise<string | undefined> {
  const named = await eventsOf(logs, ({ request_id, decision, txn }) => [request_id, decision, txn].includes(id))
  // A request id itself comes first: what a decision or a transaction is called is chosen by nobody outside either.
  const found = named.find(({ event }) => event.request_id === id) ?? named[0]
  return found?.event.request_id
}

interface Logged {
  readonly log: HomeLog
  readonly event: AuditEvent
}

async function eventsOf(logs: readonly HomeLog[], isWanted: (event: AuditEvent) => boolean): Promise<Logged[]> {
  const found: Logged[] = []
  for (const log of logs) {
    for await (const event of openAuditCursor(log).next()) if (isWanted(event)) found.push({ log, event })
  }
  return found
}
