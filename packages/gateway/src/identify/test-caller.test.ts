import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { compileTrust, mintTestToken, PopError } from '@pop-api/protocol'
import { readCaller } from './caller.ts'
import { testCallerOf, type TestTokenRules } from './test-caller.ts'

const nowMs = 1_800_000_000_000
const iat = nowMs / 1000
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const trust = compileTrust({
  domain: 'pop.internal',
  authorities: [],
  wit_issuers: [],
  txn_keys: [],
  test_keys: [
    { kid: 't', state: 'active', jwk: createPublicKey(privateKey).export({ format: 'jwk' }), owner: 'urn:pop:test' },
  ],
})
const maker = { sub: 'user:7f', sid: 's-1', auth_jti: 'j-1', auth_iat: iat - 10 }
const name = { preferred_username: 'tess' }
const claims = { aud: 'pop-api', iat, exp: iat + 60, jti: 'j', ...name, roles: ['reader'], maker }

function callerOf(change: { readonly acr?: string } = {}, rules: Partial<TestTokenRules> = {}, revoked = false) {
  return testCallerOf(mintTestToken({ ...claims, ...change }, { kid: 't', privateKey }), {
    testTokens: () => ({ isAllowed: true, trust, audience: 'pop-api', ...rules }),
    revocations: { cover: () => revoked },
    nowMs: () => nowMs,
  })
}

function isRefusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof PopError && error.code === code && error.status === 401
}

test('testCallerOf() gives a caller that is marked, with its roles and no permission, under a subject of its own', () => {
  assert.deepEqual(callerOf(), {
    subject: 'user:urn:pop:test:tess',
    name: 'test:tess',
    clientId: 'pop-test',
    roles: ['reader'],
    permissions: [],
    secondFactor: 'missing',
    jti: 'j',
    iat,
    exp: iat + 60,
    issuer: 'urn:pop:test',
    testToken: true,
    maker,
  })
})

test('a test token shows a second factor only where whoever asked for it had shown one', () => {
  assert.equal(callerOf({ acr: 'pop-mfa' }).secondFactor, 'proven')
  assert.equal(callerOf({ acr: 'pwd' }).secondFactor, 'missing')
  assert.equal(callerOf().secondFactor, 'missing')
})

test('testCallerOf() refuses where the own settings do not allow it, whatever keys the bulletin has', () => {
  assert.throws(() => callerOf({}, { isAllowed: false }), isRefusal('test-token-refused'))
})

test('testCallerOf() refuses another audience, and a token that was revoked', () => {
  assert.throws(() => callerOf({}, { audience: 'other' }), isRefusal('token-invalid'))
  assert.throws(() => callerOf({}, {}, true), isRefusal('token-revoked'))
})

test('no provider gives a user the subject of a test token', () => {
  const rules = { serviceClients: new Map() }
  const times = { iat, exp: iat + 60 }
  assert.equal(
    readCaller({ sub: 'urn:pop:test:tess', jti: 'j', azp: 'pop', roles: ['admin'] }, times, rules),
    undefined,
  )
  assert.equal(readCaller({ sub: '7f', jti: 'j', azp: 'pop' }, times, rules)?.testToken, undefined)
})
