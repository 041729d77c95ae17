import { compilePolicy, decide, standingPermission, withStandings } from '@pop-api/policy'
import {
  compileTrust,
  isPlainText,
  parseSpiffeId,
  PopError,
  verifyTxnToken,
  type PolicySection,
  type TrustSection,
  type TxnClaims,
} from '@pop-api/protocol'
import type { Publisher } from '../bulletin/bulletin.ts'
import { isRevoked } from '../incident/revocation-desk.ts'
import type { AskKeycloak } from '../people/keycloak.ts'
import type { SessionEnder } from '../people/session-ender.ts'
import type { InTurn } from '../turns.ts'
import type { ControlLog } from '../record/control-log.ts'
import { settingsInForce } from '../settings/settings-desk.ts'
import type { Store } from '../store/store.ts'
import type { TestSigner } from '../test-tokens/test-signer.ts'

/** What the operations that gateways hand on work with. */
export interface HandedContext {
  readonly store: Store
  readonly publisher: Publisher
  readonly log: ControlLog
  readonly trust: () => TrustSection
  readonly policy: () => PolicySection
  readonly testSigner: TestSigner
  readonly askKeycloak: AskKeycloak
  /** One after another, what may leave somebody no operator: else two could take it from each other, and nobody be left. */
  readonly takeRightsInTurn: InTurn
  readonly sessionEnder: Pick<SessionEnder, 'settle'>
  readonly nowMs: () => number
}

/** A request as the control listener has it; nothing of it is believed but the peer. */
export interface HandedRequest {
  /** SPIFFE ID of the peer, proved by TLS. */
  readonly peer: string
  /** `METHOD template`, and the role permission that it needs. */
  readonly operation: string
  readonly permission: string
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** An operation of the API that a gateway permitted, and that control has found permitted too. */
export interface Handed {
  readonly claims: TxnClaims
  /** The gateway's id of the request: joins the logs. Undefined where it gave none. */
  readonly requestId: string | undefined
}

/** Under this name `tctx.module` means the system itself. */
const ownModule = 'pop'

/**
 * Verifies that a gateway hands on exactly this operation, for the first time, with a token that it signed itself, and that the
 * policy here allows it to the caller. Throws `seal-txn` or `seal-identity` for a token that is not right, `workload-refused` for a
 * peer that is no gateway, `permission-denied` by the policy, `token-revoked`. Untrusted input.
 */
export function acceptHanded(context: HandedContext, request: HandedRequest): Handed {
  const { store, nowMs } = context
  const { peer, operation, permission, target, headers } = request
  if (parseSpiffeId(peer)?.kind !== 'gateway') {
    throw new PopError('workload-refused', 'Only a gateway hands on operations of the API.')
  }
  const token = headers['txn-token']
  if (typeof token !== 'string') throw new PopError('seal-txn', 'The transaction token is missing.')
  const verdict = verifyTxnToken(token, {
    trust: compileTrust(context.trust()),
    module: ownModule,
    operation,
    target,
    requester: peer,
    nowMs: nowMs(),
  })
  if (!verdict.ok) throw new PopError(verdict.code, verdict.detail)
  const claims = verdict.value
  useOnce(store, claims, nowMs())
  requireUnrevoked(context, claims)
  requirePerson(claims, permission)
  requirePermission(context, claims, permission)
  const id = headers['pop-request']
  return { claims, requestId: isPlainText(id, 128) ? id : undefined }
}

/** Throws `token-revoked`. */
export function requireUnrevoked({ store, nowMs }: Pick<HandedContext, 'store' | 'nowMs'>, claims: TxnClaims): void {
  if (isRevoked(store, claims, Math.floor(nowMs() / 1000)))
    throw new PopError('token-revoked', 'The token of the caller has been revoked.')
}

/** A token is for one change: also one that was refused later is used up. Kept on the disk until it ends by itself. */
function useOnce({ database }: Store, { iss, txn, exp }: TxnClaims, nowMs: number): void {
  database.prepare('delete from used_txns where until_ms <= ?').run(nowMs)
  const insert = 'insert into used_txns values (?, ?, ?) on conflict do nothing'
  if (database.prepare(insert).run(iss, txn, exp * 1000).changes !== 1)
    throw new PopError('seal-txn', 'The transaction token was used before.')
}

/** A test token names nobody: whoever made it could go on under another name once their own is revoked. */
function requirePerson({ rctx }: TxnClaims, permission: string): void {
  if (rctx.test_token !== true || !standings.includes(permission)) return
  throw new PopError('permission-denied', 'Nobody is an operator by a test token.')
}

const standings: readonly string[] = [standingPermission('operator'), standingPermission('auditor')]

function requirePermission(context: HandedContext, { scope, tctx }: TxnClaims, permission: string): void {
  const policy = compilePolicy(withStandings(context.policy(), settingsInForce(context.store).operators))
  const decision = decide(policy, { roles: tctx.roles, permissions: [] }, { role: permission })
  if (decision.outcome === 'allow' && scope === `${permission}:any`) return
  throw new PopError('permission-denied', `The policy of control does not allow this: ${permission} is needed.`)
}
