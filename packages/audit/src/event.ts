/** What happened to an action. `opened` is the durable announcement of a change whose outcome follows under the same request. */
export type AuditStatus = 'success' | 'refused' | 'failure' | 'opened'

/**
 * One audit event: the document's fields first, then ours. Every text may hold what a stranger sent, so nothing here is ever
 * printed without `printable()`. `timestamp` is RFC 3339 in UTC with milliseconds.
 */
export interface AuditEvent {
  readonly timestamp: string
  readonly action: string
  /** The readable name; `-` when nobody was identified. */
  readonly user: string
  readonly service: string
  readonly resource_id: string
  readonly ip_address: string
  readonly status: AuditStatus
  readonly request_id?: string
  readonly txn?: string
  readonly decision?: string
  readonly reason?: string
  /** `METHOD template` of the operation, with its base at the gateway. */
  readonly operation?: string
  readonly latency_ms?: number
  /** `user:<id>`, `client:<id>` or `module:<name>`. */
  readonly subject?: string
  /** The session of the caller's token (`sid`). */
  readonly session?: string
  /** HTTP status of the answer. */
  readonly code?: number
  /** How many like events this one stands for: refusals of `receive` and `admit` are counted. */
  readonly count?: number
}

/** Where an event came to lie. */
export interface AuditReceipt {
  readonly file: string
  /** Byte offset just behind the event. */
  readonly end: number
}

export interface AuditQuery {
  readonly service?: string
  readonly user?: string
  readonly request_id?: string
  readonly txn?: string
  readonly decision?: string
}

/**
 * A store of audit events. `append` resolves once the event is `written` to the operating system, or `durable` on the disk
 * (fsync), and rejects when it is neither: the caller then MUST treat the action as unrecorded. Order of `append` is kept.
 */
export interface AuditLog {
  append(event: AuditEvent, until: 'written' | 'durable'): Promise<AuditReceipt>
  read(query: AuditQuery): AsyncIterable<AuditEvent>
  [Symbol.asyncDispose](): Promise<void>
}

export function matches(event: AuditEvent, query: AuditQuery): boolean {
  return (
    (query.service === undefined || event.service === query.service) &&
    (query.user === undefined || event.user === query.user || event.subject === query.user) &&
    (query.request_id === undefined || event.request_id === query.request_id) &&
    (query.txn === undefined || event.txn === query.txn) &&
    (query.decision === undefined || event.decision === query.decision)
  )
}
