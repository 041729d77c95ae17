import { decide, type Decision, type Policy } from '@pop-api/policy'
import type { PolicyCase } from './cases.ts'

/** A case and what the policy says to it. */
export interface CaseResult {
  readonly tried: PolicyCase
  readonly decision: Decision
  readonly passed: boolean
}

/** Asks the policy about one case. */
export function runCase(policy: Policy, tried: PolicyCase): CaseResult {
  const { roles, permissions, operation, expect, scope } = tried
  const decision = decide(policy, { roles, permissions }, operation.requires)
  const fits = decision.outcome === 'deny' || scope === undefined || sameWords(decision.ownerships, scope)
  return { tried, decision, passed: decision.outcome === expect && fits }
}

/** `cases.yaml:7: reader: DELETE /v1/…: expected allow, found deny: no role of …`, without the name of the file. */
export function failureText({ tried, decision }: CaseResult): string {
  const { line, roles, permissions, operation, expect, scope } = tried
  const who = [...roles, ...permissions].join(', ') || 'nobody'
  const wanted = scope === undefined ? expect : `${expect} (${scope.join(', ')})`
  const found = decision.outcome === 'deny' ? 'deny' : `allow (${decision.ownerships.join(', ')})`
  return `${line}: ${who}: ${operation.id}: expected ${wanted}, found ${found}: ${decision.reason}`
}

function sameWords(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join(' ') === [...new Set(other)].sort().join(' ')
}
