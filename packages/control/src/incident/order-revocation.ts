import { controlActions } from '@pop-api/audit'
import {
  factsOfRequest,
  PopError,
  readRevocationRequest,
  type BulletinPosition,
  type RevocationRequest,
  type TxnClaims,
} from '@pop-api/protocol'
import { eventOfHanded } from '../handed/handed-event.ts'
import type { Handed, HandedContext } from '../handed/handed.ts'
import { othersAbout, putRevocation, takeBackRevocation, type KeptRevocation } from './revocation-desk.ts'

/** What a gateway is told of an order. */
export interface OrderedRevocation {
  readonly revocation: KeptRevocation
  /** The position of the gateways' view from which on it is in force. */
  readonly position: BulletinPosition
}

/**
 * `POST /v1/pop/incidents/revocations`: an operator's order, announced in the audit log before and recorded after, published before it
 * is answered. Throws `body-invalid`, `incidents-full`, `conflict` for a key that signed the operator's own token, `audit-unavailable`.
 * The body is untrusted; who asks was accepted.
 */
export async function orderRevocation(
  context: HandedContext,
  handed: Handed,
  body: unknown,
): Promise<OrderedRevocation> {
  const { store, publisher, nowMs } = context
  return await recorded(context, handed, controlActions.revocation, () => {
    const request = readRequest(body)
    requireOtherKey(request, handed.claims)
    const account = { reason: request.reason, by: handed.claims.sub, at: Math.floor(nowMs() / 1000) }
    const perform = (): KeptRevocation =>
      publisher.change(() => putRevocation(store, { ...factsOfRequest(request, account.at), account }, 'operator'))
    return { resourceId: `${request.kind} ${request.value}`, reason: request.reason, perform, result: orderedOf }
  })

  function orderedOf(revocation: KeptRevocation): OrderedRevocation {
    return { revocation, position: publisher.position('gateways') }
  }
}

/** What a gateway is told of one that was taken back. */
export interface LiftedRevocation extends OrderedRevocation {
  /** Ids of others about the same, which go on. */
  readonly others: readonly string[]
}

/** `DELETE /v1/pop/incidents/revocations/{id}`, in the same manner. Throws `resource-not-found`, `audit-unavailable`. */
export async function liftRevocation(context: HandedContext, handed: Handed, id: string): Promise<LiftedRevocation> {
  const { store, publisher } = context
  return await recorded(context, handed, controlActions.revocationUndo, () => ({
    resourceId: id,
    reason: undefined,
    perform: () =>
      publisher.change(() => {
        const lifted = takeBackRevocation(store, id)
        if (lifted !== undefined) return lifted
        throw new PopError('resource-not-found', 'There is no revocation of this id: it was taken back, or has ended.')
      }),
    result: (revocation) => {
      const position = publisher.position('gateways')
      return { revocation, position, others: othersAbout(store, revocation) }
    },
  }))
}

interface Work<R> {
  readonly resourceId: string
  readonly reason: string | undefined
  readonly perform: () => KeptRevocation
  readonly result: (revocation: KeptRevocation) => R
}

/** Does it between its announcement and its closing event. */
async function recorded<R>({ log }: HandedContext, handed: Handed, action: string, prepare: () => Work<R>): Promise<R> {
  const base = { ...eventOfHanded(handed), action }
  let event = { ...base, resource_id: '-' }
  try {
    const { resourceId, reason, perform, result } = prepare()
    event = { ...base, resource_id: resourceId }
    await log.record({ ...event, ...(reason === undefined ? {} : { reason }), status: 'opened' }, 'nothing')
    const revocation = perform()
    const { kind, value, account } = revocation
    const said = `${kind} ${value}: ${account.reason}`
    await log.record({ ...event, status: 'success', code: 200, reason: said }, 'unknown')
    return result(revocation)
  } catch (failure) {
    if (failure instanceof PopError && failure.code === 'audit-unavailable') throw failure
    const { status: code, code: reason } = failure instanceof PopError ? failure : { status: 500, code: 'internal' }
    await log.record({ ...event, status: code < 500 ? 'refused' : 'failure', code, reason }, 'nothing')
    throw failure
  }
}

function readRequest(body: unknown): RevocationRequest {
  const read = readRevocationRequest(body)
  if (read.ok) return read.value
  throw new PopError(read.code, read.detail)
}

/** Who lost the last key that verifies could never take it back. */
function requireOtherKey({ kind, value }: RevocationRequest, { rctx }: TxnClaims): void {
  if (kind !== 'kid' || rctx.auth_kid !== value) return
  const detail =
    'This key signed your own token: give the provider a new key, sign in anew, and revoke the old one then.'
  throw new PopError('conflict', detail)
}
