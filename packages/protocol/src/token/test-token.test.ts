import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { TrustSection } from '../bulletin/sections.ts'
import { signJws, verifyJws } from '../jws/jws.ts'
import { sectionShapes } from './section-shape.ts'
import { looksLikeTestToken, mintTestToken, readTestTokenRequest, verifyTestToken } from './test-token.ts'
import { compileTrust } from './trust.ts'

const now = 1_800_000_000
const newSigner = (kid: string) => ({ kid, privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey })
const test1 = newSigner('test-1')
const txn = newSigner('txn-1')
const jwkOf = ({ privateKey }: typeof test1) => createPublicKey(privateKey).export({ format: 'jwk' })
const section: TrustSection = {
  domain: 'pop.internal',
  authorities: [],
  wit_issuers: [],
  txn_keys: [{ kid: 'txn-1', state: 'active', jwk: jwkOf(txn), owner: 'spiffe://pop.internal/gateway/g' }],
  test_keys: [{ kid: 'test-1', state: 'active', jwk: jwkOf(test1), owner: 'urn:pop:test' }],
}
const trust = compileTrust(section)
const expected = { trust, audience: 'pop-api', nowMs: now * 1000 }
const maker = { sub: 'user:7f', client: 'pop-cli', sid: 's-1', auth_jti: 'a-1', auth_iat: now - 9 }
const name = { preferred_username: 'tess' }
const claims = { aud: 'pop-api', iat: now, exp: now + 300, jti: 'j-1', ...name, roles: ['reader'], maker }

/** The claims signed rightly whatever they say, as a control that was taken over would. */
function signed(change: object, header: object = {}): string {
  const whole = { ...claims, iss: 'urn:pop:test', sub: 'urn:pop:test:tess', ...change }
  return signJws({ alg: 'ES256', kid: 'test-1', typ: 'pop-test+jwt', ...header }, whole, test1.privateKey)
}

test('verifyTestToken() gives what mintTestToken() was given, and no claim beside', () => {
  const verdict = verifyTestToken(mintTestToken(claims, test1), expected)
  const wanted = { ...claims, iss: 'urn:pop:test', sub: 'urn:pop:test:tess' }
  assert.deepEqual(verdict, { ok: true, value: wanted })
  const more = verifyTestToken(signed({ permissions: ['kafka.delete'], acr: 'pop-mfa' }), expected)
  assert.deepEqual(more, { ok: true, value: { ...wanted, acr: 'pop-mfa' } })
})

const wrong: readonly (readonly [string, string])[] = [
  ['that has expired', signed({ iat: now - 300, exp: now })],
  ['of the future', signed({ iat: now + 10, exp: now + 20 })],
  ['that lives longer', signed({ exp: now + 301 })],
  ['without an end', signed({ exp: undefined })],
  ['of another issuer', signed({ iss: 'https://localhost/realms/pop' })],
  ['for another audience', signed({ aud: 'other' })],
  ['for a list of audiences', signed({ aud: ['pop-api'] })],
  ['of another subject than its name', signed({ sub: 'urn:pop:test:root' })],
  ['of the subject of a real user', signed({ sub: '7f' })],
  ['without roles', signed({ roles: undefined })],
  ['with roles that are no list', signed({ roles: 'admin' })],
  ['without an id', signed({ jti: undefined })],
  ['without its maker', signed({ maker: undefined })],
  ['whose maker has no name space', signed({ maker: { ...maker, sub: '7f' } })],
  ['whose maker has a time that is a text', signed({ maker: { ...maker, auth_iat: '1' } })],
  ['with the type of an access token', signed({}, { typ: 'at+jwt' })],
  [
    'with the key of another kind',
    signJws({ alg: 'ES256', kid: 'txn-1', typ: 'pop-test+jwt' }, claims, txn.privateKey),
  ],
  ['with the name of a key of another kind', signed({}, { kid: 'txn-1' })],
  ['cut', mintTestToken(claims, test1).slice(0, -2)],
]

for (const [name, token] of wrong) {
  test(`verifyTestToken() refuses a token ${name}`, () => {
    assert.equal(verifyTestToken(token, expected).ok, false)
  })
}

test('verifyTestToken() takes nothing without a key: not before there is one, nor a distrusted one', () => {
  const token = mintTestToken(claims, test1)
  const { test_keys: keys = [], ...without } = section
  for (const present of [
    without,
    { ...section, test_keys: keys.map((key) => ({ ...key, state: 'distrusted' as const })) },
  ])
    assert.equal(verifyTestToken(token, { ...expected, trust: compileTrust(present) }).ok, false)
})

test('the key of test tokens verifies no other kind of token', () => {
  assert.equal(trust.txnKey('test-1'), undefined)
  assert.equal(trust.witIssuer('test-1'), undefined)
  const asTxn = verifyJws(signed({}, { typ: 'txntoken+jwt' }), (kid) => trust.txnKey(kid)?.record, {
    types: ['txntoken+jwt'],
  })
  assert.equal(asTxn.ok, false)
})

test('mintTestToken() makes none that verifyTestToken() would refuse', () => {
  assert.throws(() => mintTestToken({ ...claims, exp: now + 301 }, test1), RangeError)
  assert.throws(() => mintTestToken({ ...claims, exp: now }, test1), RangeError)
  assert.throws(() => mintTestToken({ ...claims, preferred_username: 'a:b' }, test1), RangeError)
})

test('looksLikeTestToken() goes by the type in the header alone', () => {
  assert.equal(looksLikeTestToken(signed({})), true)
  assert.equal(looksLikeTestToken(signed({}, { typ: 'at+jwt' })), false)
  assert.equal(looksLikeTestToken('x'), false)
})

test('a trust section with a test key of another owner has not the shape of one', () => {
  assert.equal(sectionShapes.trust(section), true)
  const keys = section.test_keys?.map((key) => ({ ...key, owner: 'urn:pop:other' }))
  assert.equal(sectionShapes.trust({ ...section, test_keys: keys }), false)
  assert.equal(sectionShapes.trust({ ...section, test_keys: {} }), false)
})

test('readTestTokenRequest() fills in name and life, and refuses everything beside', () => {
  assert.deepEqual(readTestTokenRequest({ roles: ['reader'] }), {
    ok: true,
    value: { name: 'tester', roles: ['reader'], life_seconds: 300 },
  })
  for (const body of [null, [], {}, { roles: [] }, { roles: ['a'], sub: 'x' }, { roles: ['a'], life_seconds: 301 }])
    assert.equal(readTestTokenRequest(body).ok, false, JSON.stringify(body))
})
