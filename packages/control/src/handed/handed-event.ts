import type { ControlEvent } from '../record/control-log.ts'
import type { Handed } from './handed.ts'

/** What every event of a handed operation says: who asked whom for what, under which ids. */
export function eventOfHanded({ claims, requestId }: Handed): Omit<ControlEvent, 'action' | 'resource_id' | 'status'> {
  const { sub, txn, rctx, tctx } = claims
  return {
    user: rctx.name ?? sub,
    subject: sub,
    ip_address: rctx.req_ip,
    txn,
    decision: tctx.decision,
    operation: tctx.operation,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(rctx.sid === undefined ? {} : { session: rctx.sid }),
    ...(rctx.test_token === true ? { test_token: true } : {}),
  }
}
