import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCaller } from './caller.ts'

const times = { iat: 1, exp: 2 }
const rules = { serviceClients: new Map([['reporter', 'service-1']]) }
const claims = { sub: 'u1', jti: 'j1', azp: 'pop-gateway', roles: ['user'], acr: 'pop-mfa' }

test('readCaller() names a user by its space, whatever the subject says', () => {
  assert.equal(readCaller(claims, times, rules)?.subject, 'user:u1')
  assert.equal(readCaller({ ...claims, sub: 'client:reporter' }, times, rules)?.subject, 'user:client:reporter')
})

test('readCaller() takes a service account only for its recorded subject', () => {
  const service = readCaller({ ...claims, azp: 'reporter', sub: 'service-1', acr: undefined }, times, rules)
  assert.equal(service?.subject, 'client:reporter')
  assert.equal(service?.secondFactor, 'exempt')
  const other = readCaller({ ...claims, azp: 'reporter', sub: 'u1', acr: undefined }, times, rules)
  assert.equal(other?.subject, 'user:u1')
  assert.equal(other?.secondFactor, 'missing')
  assert.equal(
    readCaller({ ...claims, azp: 'other', sub: 'service-1', acr: undefined }, times, rules)?.secondFactor,
    'missing',
  )
})

test('readCaller() believes a second factor only by the one acr', () => {
  assert.equal(readCaller(claims, times, rules)?.secondFactor, 'proven')
  for (const acr of [undefined, '1', 'POP-MFA', ['pop-mfa'], true]) {
    assert.equal(readCaller({ ...claims, acr }, times, rules)?.secondFactor, 'missing')
  }
})

test('readCaller() joins flat permissions with those of resource_access', () => {
  const caller = readCaller(
    { ...claims, permissions: ['a.b'], resource_access: { m: { roles: ['a.b', 'c.d'] } } },
    times,
    rules,
  )
  assert.deepEqual(caller?.permissions, ['a.b', 'c.d'])
})

const refusals: readonly (readonly [string, Record<string, unknown>])[] = [
  ['no subject', { sub: undefined }],
  ['a subject with a line end', { sub: 'a\nb' }],
  ['no jti', { jti: undefined }],
  ['no client', { azp: undefined }],
  ['roles as a text', { roles: 'admin' }],
  ['roles that are no texts', { roles: [{ admin: true }] }],
  ['permissions as a map', { permissions: { 'a.b': true } }],
  ['resource_access as a list', { resource_access: [] }],
  ['roles of a module as a text', { resource_access: { m: { roles: 'c.d' } } }],
]

for (const [name, change] of refusals) {
  test(`readCaller() refuses ${name}`, () => {
    assert.equal(readCaller({ ...claims, ...change }, times, rules), undefined)
  })
}
