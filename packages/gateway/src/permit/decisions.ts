import { decide, scopeOf, type Policy, type Requirement } from '@pop-api/policy'
import type { Caller } from '../identify/caller.ts'

/** What the policy says of a caller and a requirement. */
interface Decided {
  readonly outcome: 'allow' | 'deny'
  readonly reason: string
  /** The words of the Txn-Token's scope; empty for an operation of the gateway. */
  readonly scope: string
  /** Those of the caller's roles that the policy knows: no others mean anything here, and a token may name any number of them. */
  readonly roles: readonly string[]
}

/** Decides by one policy. */
export type Decide = (caller: Caller, requires: Requirement | undefined) => Decided

const anybody = { outcome: 'allow', ownerships: [], reason: 'open to every verified caller' } as const

/**
 * Makes the decisions of one policy. Each is remembered with its caller, which stands for one verified token, and with the
 * requirement of one compiled manifest: another token, policy or manifest is another object and finds nothing.
 */
export function createDecisions(policy: Policy): Decide {
  const known = new WeakMap<Caller, Map<Requirement | undefined, Decided>>()
  return (caller, requires) => {
    const ofCaller = known.get(caller) ?? new Map<Requirement | undefined, Decided>()
    const before = ofCaller.get(requires)
    if (before !== undefined) return before
    const decided = decideNow(policy, caller, requires)
    known.set(caller, ofCaller.set(requires, decided))
    return decided
  }
}

function decideNow(policy: Policy, caller: Caller, requires: Requirement | undefined): Decided {
  const verdict = requires === undefined ? anybody : decide(policy, caller, requires)
  return {
    outcome: verdict.outcome,
    reason: verdict.reason,
    roles: caller.roles.filter((role) => policy.roles.has(role) || policy.grants.has(role)),
    scope:
      verdict.outcome === 'deny' || requires?.module === undefined ? '' : scopeOf(requires.module, verdict.ownerships),
  }
}
