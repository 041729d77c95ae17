import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy, decide } from './policy.ts'
import { standingPermission, withStandings } from './standings.ts'

const rules = { roles: { admin: ['modify_settings'], reader: [] }, module_permissions: {}, grants: {} }
const operators = { admin: ['operator'], watcher: ['auditor'], second: ['approver'] } as const
const policy = compilePolicy(withStandings(rules, operators))

const held: readonly (readonly [string, 'operator' | 'auditor' | 'approver', boolean])[] = [
  ['admin', 'operator', true],
  ['admin', 'auditor', true],
  ['admin', 'approver', false],
  ['watcher', 'auditor', true],
  ['watcher', 'operator', false],
  ['second', 'approver', true],
  ['second', 'auditor', false],
  ['reader', 'auditor', false],
  ['constructor', 'operator', false],
]
for (const [role, standing, isHeld] of held) {
  test(`withStandings() ${isHeld ? 'gives' : 'does not give'} the role ${role} the standing ${standing}`, () => {
    const decision = decide(policy, { roles: [role], permissions: [] }, { role: standingPermission(standing) })
    assert.equal(decision.outcome, isHeld ? 'allow' : 'deny')
  })
}

test('withStandings() leaves permissions as they are, and standings are no permissions that a token could carry', () => {
  assert.equal(decide(policy, { roles: ['admin'], permissions: [] }, { role: 'modify_settings' }).outcome, 'allow')
  const forged = { roles: ['reader'], permissions: [standingPermission('operator')] }
  assert.equal(decide(policy, forged, { role: standingPermission('operator') }).outcome, 'deny')
})
