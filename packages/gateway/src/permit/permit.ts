import { PopError } from '@pop-api/protocol'
import type { Guarded, Identified } from '../identify/identify.ts'
import { isSafe } from '../receive/received.ts'
import type { Decide } from './decisions.ts'
import { requireOfOperation, requireSecondFactor } from './step-up.ts'

declare const permittedBrand: unique symbol

interface PermittedFor<D extends Guarded> {
  readonly [permittedBrand]: true
  readonly identified: Identified<D>
  /** Id of the decision: all that a client learns of its reason. */
  readonly decision: string
  readonly reason: string
  /** As in `Decided`. */
  readonly scope: string
  readonly roles: readonly string[]
}

export type Permitted<D extends Guarded = Guarded> = D extends Guarded ? PermittedFor<D> : never

/** A refusal by policy, with what the audit log says of it and the client does not learn. */
export class PermissionDenied extends PopError {
  readonly decision: string
  readonly reason: string

  constructor(decision: string, reason: string) {
    super('permission-denied', 'The policy does not allow this operation to you.', { members: { decision } })
    this.decision = decision
    this.reason = reason
  }
}

export interface PermitRules {
  readonly decide: Decide
  readonly requireSecondFactor: boolean
  /** Since control last said that this is the present bulletin. */
  readonly bulletinAgeMs: () => number
  readonly nextDecisionId: () => string
}

/** security.md, fail modes: a gateway that has lost control changes nothing once its bulletin is this old. */
const staleBulletinMs = 15 * 60_000

/**
 * Decides whether the caller may use the operation at all. Refuses with 401 where a second factor is missing, or the binding or the
 * fresh sign-in that the operation asks for, with 403 by the policy, and with 503 a change while the gateway cannot know the
 * present policy.
 */
export function permit(identified: Identified, rules: PermitRules): Permitted {
  const { caller, routed } = identified
  if (rules.requireSecondFactor) requireSecondFactor(identified)
  const { destination } = routed
  const requires = destination.kind === 'module' ? destination.operation.requires : destination.requires
  const decision = rules.nextDecisionId()
  const { outcome, reason, scope, roles } = rules.decide(caller, requires)
  if (outcome === 'deny') throw new PermissionDenied(decision, reason)
  // Nobody is sent to sign in again for what he may not do then either.
  if (destination.kind === 'module')
    requireOfOperation(identified, destination.operation.requires, rules.requireSecondFactor)
  if (!isSafe(routed.received.method) && rules.bulletinAgeMs() > staleBulletinMs)
    throw new PopError('bulletin-stale', 'Changes are refused until control can be reached.', {
      headers: { 'retry-after': '30' },
    })
  const permitted: Omit<PermittedFor<Guarded>, symbol> = { identified, decision, reason, scope, roles }
  // Only this stage makes the brand.
  return permitted as Permitted
}

/** True where a permitted request is for an operation of this kind. */
export function permits<K extends Guarded['kind']>(
  permitted: Permitted,
  kind: K,
): permitted is Permitted<Extract<Guarded, { readonly kind: K }>> {
  return permitted.identified.routed.destination.kind === kind
}
