import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy } from '@pop-api/policy'
import { PopError } from '@pop-api/protocol'
import type { Caller } from '../identify/caller.ts'
import type { Identified } from '../identify/identify.ts'
import { createDecisions } from './decisions.ts'
import { permit, PermissionDenied, type PermitRules } from './permit.ts'

const caller: Caller = {
  subject: 'user:a',
  name: 'a',
  clientId: 'c',
  roles: ['user'],
  permissions: [],
  secondFactor: 'proven',
  jti: 'j',
  iat: 1,
  exp: 2,
}

/** The parts of an identified request that permit() looks at; identify() makes whole ones. */
function identified(method: string, change: Partial<Caller> = {}, role = 'create_resource'): Identified {
  const destination = { kind: 'module', operation: { requires: { role, module: 'kafka.create' } } }
  const routed = { received: { method }, destination }
  return { routed, caller: { ...caller, ...change } } as unknown as Identified
}

function rules(ageMs = 0): PermitRules {
  return {
    decide: createDecisions(
      compilePolicy({
        roles: { user: ['create_resource'] },
        module_permissions: { kafka_service: ['kafka.create'] },
        grants: { user: ['kafka.create'] },
      }),
    ),
    requireSecondFactor: true,
    bulletinAgeMs: () => ageMs,
    nextDecisionId: () => 'd1',
  }
}

const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted
const minute = 60_000

test('permit() allows what the policy allows, under a decision id and with a scope', () => {
  const { decision, scope, roles } = permit(identified('POST', { roles: ['user', 'offline_access'] }), rules())
  assert.deepEqual([decision, scope, roles], ['d1', 'kafka.create:any', ['user']])
})

test('permit() denies a role without the permission, and tells the reason to the log only', () => {
  assert.throws(
    () => permit(identified('POST', { roles: ['reader'] }), rules()),
    (error) =>
      error instanceof PermissionDenied &&
      /create_resource/.test(error.reason) &&
      !/create_resource/.test(error.message),
  )
})

test('permit() denies a caller that shows no second factor, and lets a service client pass', () => {
  assert.throws(() => permit(identified('GET', { secondFactor: 'missing' }), rules()), code('second-factor-required'))
  permit(identified('GET', { secondFactor: 'exempt' }), rules())
})

test('permit() refuses changes, and no reads, once control was not heard for 15 minutes', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    permit(identified(method), rules(15 * minute))
    assert.throws(() => permit(identified(method), rules(15 * minute + 1)), code('bulletin-stale'))
  }
  permit(identified('GET'), rules(24 * 60 * minute))
})

test('permit() tells a caller that it may not before that it may not now', () => {
  assert.throws(() => permit(identified('POST', { roles: [] }), rules(60 * minute)), code('permission-denied'))
})
