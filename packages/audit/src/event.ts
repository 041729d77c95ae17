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
  /** Trace id of W3C Trace Context: the same at gateway and module, and in whatever tracing system the client reports to. */
  readonly trace?: string
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
  /** The caller's token was a test token: what it did says nothing of any person. */
  readonly test_token?: true
  /** Somebody should look at it: what was refused here does not happen by a mistake of a client. */
  readonly incident?: true
}

/** Where an event came to lie. */
export interface AuditReceipt {
  readonly file: string
  /** Byte offset just behind the event. */
  readonly end: number
}

/** Which events are asked for; each member that is there must fit. */
export interface AuditQuery {
  readonly service?: string
  readonly action?: string
  /** A readable name or a subject; also the account of a sign-in that failed, which nobody is identified by. */
  readonly user?: string
  /** What was acted on: as the event names it, or without the kind before it, as in `sub user:ID`. */
  readonly resource_id?: string
  /** First and last moment, both included; in the form of `timestamp`, whose texts sort by time. */
  readonly since?: string
  readonly until?: string
  readonly request_id?: string
  readonly trace?: string
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

/** True for an event that fits every member of the query. */
export function matches(event: AuditEvent, query: AuditQuery): boolean {
  return (
    (query.service === undefined || event.service === query.service) &&
    (query.action === undefined || event.action === query.action) &&
    (query.user === undefined || isOf(event, query.user)) &&
    (query.resource_id === undefined || isOn(event, query.resource_id)) &&
    (query.since === undefined || event.timestamp >= query.since) &&
    (query.until === undefined || event.timestamp <= query.until) &&
    (query.request_id === undefined || event.request_id === query.request_id) &&
    (query.trace === undefined || event.trace === query.trace) &&
    (query.txn === undefined || event.txn === query.txn) &&
    (query.decision === undefined || event.decision === query.decision)
  )
}

function isOn({ resource_id }: AuditEvent, resource: string): boolean {
  return resource_id === resource || resource_id.endsWith(` ${resource}`)
}

function isOf({ user, subject, action, resource_id }: AuditEvent, name: string): boolean {
  return user === name || subject === name || (action === 'sign_in' && resource_id === name)
}
