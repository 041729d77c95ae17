import { resourceActions, type AuditEvent } from '@pop-api/audit'
import { traceIdOf, type Effect, type RequestHead } from '@pop-api/protocol'
import type { Outcome } from './outcome.ts'

/** What is known of one action when it ends. */
export interface Account {
  readonly service: string
  /** Of a request whose head was proven. */
  readonly head: RequestHead | undefined
  readonly operation: string | undefined
  readonly effect: Effect | undefined
  readonly resourceId: string
  /** Address of the TCP peer: the gateway. The caller's own stands in the Txn-Token. */
  readonly peerAddress: string
  readonly startedMs: number
  readonly endedMs: number
}

/** The one audit event of an action. */
export function auditEvent(account: Account, outcome: Outcome): AuditEvent {
  const { head, operation } = account
  const txn = head?.txn
  const trace = head === undefined ? undefined : traceIdOf(head.headers)
  return {
    timestamp: new Date(account.endedMs).toISOString(),
    action: actionOf(account, outcome),
    user: txn === undefined ? '-' : (txn.rctx.name ?? txn.sub),
    service: account.service,
    resource_id: account.resourceId,
    ip_address: txn?.rctx.req_ip ?? account.peerAddress,
    status: outcome.problem === undefined ? 'success' : outcome.status >= 500 ? 'failure' : 'refused',
    ...(head === undefined ? {} : { request_id: head.requestId }),
    ...(trace === undefined ? {} : { trace }),
    ...(txn === undefined ? {} : { txn: txn.txn, decision: txn.tctx.decision, subject: txn.sub }),
    ...(outcome.problem === undefined ? {} : { reason: outcome.problem }),
    ...(operation === undefined ? {} : { operation }),
    latency_ms: Math.max(0, account.endedMs - account.startedMs),
    code: outcome.status,
    ...(txn?.rctx.test_token === true ? { test_token: true } : {}),
  }
}

/** Whether the action may have changed something: its event is durable before its answer. */
export function mayHaveChanged({ effect, head }: Account, outcome: Outcome): boolean {
  if (head === undefined || effect === 'read' || effect === 'list') return false
  return outcome.problem === undefined || outcome.status >= 500
}

function actionOf({ head, effect }: Account, { problem }: Outcome): string {
  if (head === undefined || problem?.startsWith('seal-') === true) return 'seal_refusal'
  return effect === undefined ? 'operation' : resourceActions[effect]
}
