import { decide, scopeOf, type Policy } from '@pop-api/policy'
import { PopError } from '@pop-api/protocol'
import type { Identified } from '../identify/identify.ts'

declare const permittedBrand: unique symbol

export interface Permitted {
  readonly [permittedBrand]: true
  readonly identified: Identified
  /** Id of the decision: all that a client learns of its reason. */
  readonly decision: string
  readonly reason: string
  readonly scope: string
}

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
  readonly policy: Policy
  readonly requireSecondFactor: boolean
  readonly nextDecisionId: () => string
}

/** Decides whether the caller may use the operation at all. Refuses with 401 where a second factor is missing, else with 403. */
export function permit(identified: Identified, rules: PermitRules): Permitted {
  const { caller, routed } = identified
  if (rules.requireSecondFactor && caller.secondFactor === 'missing') {
    const challenge = 'Bearer realm="pop-api", error="insufficient_user_authentication", acr_values="pop-mfa"'
    throw new PopError('second-factor-required', 'The token shows no second factor.', {
      headers: { 'www-authenticate': challenge },
    })
  }
  const { requires } = routed.destination.operation
  const decision = rules.nextDecisionId()
  const verdict = decide(rules.policy, caller, requires)
  if (verdict.outcome === 'deny') throw new PermissionDenied(decision, verdict.reason)
  const permitted: Omit<Permitted, symbol> = {
    identified,
    decision,
    reason: verdict.reason,
    scope: scopeOf(requires.module, verdict.ownerships),
  }
  // Only this stage makes the brand.
  return permitted as Permitted
}
