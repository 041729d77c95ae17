import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCaller } from './caller.ts'

const times = { iat: 1, exp: 2 }
const rules = { serviceClients: new Map([['reporter', 'service-1']]) }
const claims = { iss: 'https://id.example', sub: 'u1', jti: 'j1', azp: 'pop-gateway', roles: ['user'], acr: 'pop-mfa' }

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

const thumbprint = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'

test('readCaller() reads what the token is bound to: a key, a certificate, or both', () => {
  const bindingOf = (cnf: unknown) => readCaller({ ...claims, cnf }, times, rules)?.binding
  assert.equal(bindingOf(undefined), undefined)
  assert.deepEqual(bindingOf({ jkt: thumbprint }), { key: thumbprint })
  assert.deepEqual(bindingOf({ jkt: thumbprint, 'kc-jkt-type': 'DPoP' }), { key: thumbprint })
  assert.deepEqual(bindingOf({ 'x5t#S256': thumbprint }), { certificate: thumbprint })
  assert.deepEqual(bindingOf({ jkt: thumbprint, 'x5t#S256': thumbprint }), { key: thumbprint, certificate: thumbprint })
})

test('readCaller() takes the time of sign-in where there is one', () => {
  assert.equal(readCaller({ ...claims, auth_time: 7 }, times, rules)?.authTime, 7)
  assert.equal(readCaller(claims, times, rules)?.authTime, undefined)
})

test('readCaller() believes a second factor by password and one-time code in amr, and by neither alone', () => {
  const factorOf = (amr: unknown) => readCaller({ ...claims, acr: 'pop-pwd', amr }, times, rules)?.secondFactor
  assert.equal(factorOf(['pwd', 'otp']), 'proven')
  for (const amr of [[], ['pwd'], ['otp'], ['pwd', 'OTP'], 'pwd otp', undefined]) assert.equal(factorOf(amr), 'missing')
})

test('readCaller() believes no other acr', () => {
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
  ['no issuer', { iss: undefined }],
  ['a time of sign-in as a text', { auth_time: '1' }],
  ['a time of sign-in without end', { auth_time: Infinity }],
  ['a binding to nothing', { cnf: {} }],
  ['a binding as a text', { cnf: thumbprint }],
  ['a binding of null', { cnf: null }],
  ['a binding to what we cannot have shown', { cnf: { jwk: {} } }],
  ['a binding to that beside a key', { cnf: { jkt: thumbprint, kid: 'k' } }],
  ['a key that is shown by something else than a proof', { cnf: { jkt: thumbprint, 'kc-jkt-type': 'attestation' } }],
  ['a kind of key, and no key', { cnf: { 'x5t#S256': thumbprint, 'kc-jkt-type': 'DPoP' } }],
  ['a key in another spelling', { cnf: { jkt: `${thumbprint}=` } }],
  ['a key with spare bits', { cnf: { jkt: `${thumbprint.slice(0, -1)}J` } }],
  ['a certificate as a number', { cnf: { 'x5t#S256': 7 } }],
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
