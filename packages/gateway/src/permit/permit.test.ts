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
  issuer: 'https://id.example',
}

const nowSeconds = 1_800_000_000

/** The parts of an identified request that permit() looks at; identify() makes whole ones. */
function identified(method: string, change: Partial<Caller> = {}, more: object = {}): Identified {
  const requires = { role: 'create_resource', module: 'kafka.create', ...more }
  const routed = {
    received: { method, startedMs: nowSeconds * 1000 },
    destination: { kind: 'module', operation: { requires } },
  }
  return { routed, scheme: 'Bearer', caller: { ...caller, ...change } } as unknown as Identified
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

const binding = { key: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }

test('permit() lets a bound token pass where the operation asks for one, and no other, whoever calls', () => {
  for (const secondFactor of ['proven', 'exempt'] as const) {
    permit(identified('POST', { binding, secondFactor }, { bound: true }), rules())
    assert.throws(
      () => permit(identified('POST', { secondFactor }, { bound: true }), rules()),
      code('binding-required'),
    )
    permit(identified('POST', { secondFactor }), rules())
  }
})

test('permit() lets a sign-in of late pass where the operation asks for one, to the second', () => {
  const after = (seconds: number) =>
    permit(identified('POST', { authTime: nowSeconds - seconds }, { maxAgeSeconds: 300 }), rules())
  for (const seconds of [-5, 0, 300]) after(seconds)
  for (const seconds of [-6, 301, nowSeconds]) assert.throws(() => after(seconds), code('authentication-too-old'))
})

test('permit() asks for a new sign-in where the token does not say when there was one, also of a service client', () => {
  for (const secondFactor of ['proven', 'exempt'] as const)
    assert.throws(
      () => permit(identified('POST', { secondFactor, iat: nowSeconds }, { maxAgeSeconds: 300 }), rules()),
      (error) =>
        error instanceof PopError &&
        error.code === 'authentication-too-old' &&
        error.members['max_age'] === 300 &&
        error.headers['www-authenticate'] ===
          'Bearer realm="pop-api", error="insufficient_user_authentication", acr_values="pop-mfa", max_age="300"',
    )
})

test('permit() sends nobody to sign in again for what the policy denies', () => {
  const asked = { bound: true, maxAgeSeconds: 300 }
  assert.throws(() => permit(identified('POST', { roles: ['reader'] }, asked), rules()), code('permission-denied'))
})
