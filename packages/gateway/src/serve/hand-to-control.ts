import { mintTxnToken, PopError, type JsonObject, type ProblemCode } from '@pop-api/protocol'
import { WorkloadError, type HandedOperation } from '@pop-api/workload'
import { txnClaimsOf, type Dresser } from '../dress/dress.ts'
import type { OwnRequest } from './operation.ts'

/** The way to control, and what the gateway signs with. */
export interface ControlDesk {
  readonly dresser: Pick<Dresser, 'spiffeId' | 'domain' | 'txnSigner' | 'nextTxn' | 'nowMs'>
  readonly handToControl: (operation: HandedOperation) => Promise<JsonObject>
}

/** The name of the system itself where a Txn-Token names a module. */
const ownModule = 'pop'

/**
 * Hands a permitted request to control: a change is announced in the audit log first. It goes under a Txn-Token for this operation and
 * this target, and no other; a query is control's to judge where the operation declares one. Gives what control answers, still unchecked. Throws what control refuses where that is for the client, else `control-unavailable`, which says
 * whether something may have changed.
 */
export async function handOn(request: OwnRequest, body: unknown, desk: ControlDesk): Promise<JsonObject> {
  const { dresser, handToControl } = desk
  const { permitted, announce } = request
  const { received, destination } = permitted.identified.routed
  const { method, path, parameters = [], requires } = destination
  if (typeof requires?.role !== 'string') throw new Error(`${path} is no operation of control.`)
  const takesQuery = parameters.some((parameter) => parameter['in'] === 'query')
  if (received.target.query.length > 0 && !takesQuery)
    throw new PopError('parameter-invalid', 'This operation takes no query.')
  const asked = { module: ownModule, operation: `${method} ${path}`, scope: `${requires.role}:any` }
  const txn = dresser.nextTxn()
  const txnToken = mintTxnToken(txnClaimsOf(permitted, asked, txn, dresser), dresser.txnSigner)
  await announce(txn)
  const ifMatch = received.fields.get('if-match')
  try {
    const { requestId, target } = received
    return await handToControl({ method, path: target.text, txnToken, requestId, body, ifMatch })
  } catch (failure) {
    throw refusalOf(failure)
  }
}

/** What control says to a client; everything else is between gateway and control. */
const forClients: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'body-invalid',
  'conflict',
  'identity-unavailable',
  'incidents-full',
  'parameter-invalid',
  'permission-denied',
  'precondition-failed',
  'resource-exists',
  'resource-not-found',
  'token-revoked',
  'test-tokens-not-allowed',
  'users-not-managed',
])

/** What a client is told of a failure between gateway and control. */
export function refusalOf(failure: unknown): PopError {
  if (failure instanceof PopError && forClients.has(failure.code)) {
    // Only the document comes over, and this is worth another try.
    if (failure.status !== 503) return failure
    return new PopError(failure.code, failure.message, { cause: failure, headers: { 'retry-after': '5' } })
  }
  const isRefusal = failure instanceof PopError && failure.status < 500
  if (isRefusal || neverArrived(failure)) {
    return unavailable('Control did not take the request: nothing was changed.', 'nothing', failure)
  }
  return unavailable('Control did not answer: read what is in force before you try again.', 'unknown', failure)
}

/** True where no connection came about, so that nothing was sent. */
function neverArrived(failure: unknown): boolean {
  const cause = failure instanceof WorkloadError ? failure.cause : undefined
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined
  return typeof code === 'string' && ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'].includes(code)
}

/** The refusal of an answer that is not one of control's. */
export function unreadable(cause?: unknown): PopError {
  return unavailable('Control answered in a way that this gateway does not know.', 'unknown', cause)
}

function unavailable(detail: string, outcome: 'nothing' | 'unknown', cause: unknown): PopError {
  const headers = { 'retry-after': '5' }
  return new PopError('control-unavailable', detail, { cause, headers, members: { outcome } })
}
