import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readIntrospected, readSigned, type TokenRules } from './read-claims.ts'
import { TokenRefused } from './token-error.ts'

const now = 1_800_000_000
const thumbprint = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'
const rules: TokenRules = {
  issuer: 'https://id.example',
  audience: 'pop-api',
  lifeSecondsMax: 3600,
  lifeSecondsEver: 3600,
  serviceClients: new Map(),
  verify: 'introspect',
}
const claims = {
  iss: rules.issuer,
  aud: 'pop-api',
  iat: now,
  exp: now + 60,
  sub: 'u',
  jti: 'j',
  azp: 'c',
  typ: 'Bearer',
}
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = { kid: 'k', alg: 'RS256' as const, key: publicKey }
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jws = (header: object, more: object = {}): string => `${encode(header)}.${encode({ ...claims, ...more })}.c2ln`

function faultOf(read: () => unknown): string {
  try {
    read()
    return 'accepted'
  } catch (error) {
    return error instanceof TokenRefused ? error.fault : assert.fail(String(error))
  }
}

const introspected = (change: object, token = 'an-opaque-token') =>
  readIntrospected(token, { active: true, ...claims, ...change }, rules, now * 1000)

test('readIntrospected() gives the caller of an active token, by the same claims as of a JWT', () => {
  assert.equal(introspected({}).subject, 'user:u')
  assert.deepEqual(introspected({ cnf: { jkt: thumbprint } }).binding, { key: thumbprint })
  assert.equal(introspected({}, jws({ alg: 'RS256', kid: 'k', typ: 'JWT' })).kid, 'k')
  // What RFC 7662 has other names for.
  const { azp: clientId, typ: _typ, ...others } = claims
  const answer = { active: true, ...others, client_id: clientId, token_type: 'bearer' }
  assert.equal(readIntrospected('opaque', answer, rules, now * 1000).clientId, 'c')
})

test('readIntrospected() takes the methods of a sign-in from the token that was called active, where the answer has none', () => {
  const header = { alg: 'RS256', kid: 'k', typ: 'JWT' }
  const both = { amr: ['pwd', 'otp'] }
  assert.equal(introspected({}, jws(header, both)).secondFactor, 'proven')
  assert.equal(introspected({}, jws(header)).secondFactor, 'missing')
  // What the answer says counts before, and a token of which it does not speak counts for nothing.
  assert.equal(introspected({ amr: ['pwd'] }, jws(header, both)).secondFactor, 'missing')
  assert.equal(introspected({}, jws(header, { ...both, jti: 'other' })).secondFactor, 'missing')
  assert.equal(introspected({}, `${encode(header)}.${encode([])}.c2ln`).secondFactor, 'missing')
  // Nothing else is read there.
  assert.deepEqual(introspected({}, jws(header, { roles: ['admin'], acr: 'pop-mfa' })).roles, [])
  assert.equal(introspected({}, jws(header, { acr: 'pop-mfa' })).secondFactor, 'missing')
})

const refused: readonly (readonly [string, object, string])[] = [
  ['another issuer', { iss: 'https://other.example' }, 'issuer'],
  ['no issuer', { iss: undefined }, 'issuer'],
  ['another audience', { aud: 'account' }, 'audience'],
  ['a list of audiences', { aud: ['pop-api', 'other'] }, 'audience'],
  ['no end', { exp: undefined }, 'times'],
  ['a life that is too long', { exp: now + 3601 }, 'times'],
  ['an end that is past', { iat: now - 60, exp: now }, 'token-expired'],
  ['the kind of a refresh token', { typ: 'Refresh' }, 'kind'],
  ['the kind of an ID token', { typ: 'ID', token_type: 'Bearer' }, 'kind'],
  ['no kind', { typ: undefined }, 'kind'],
  ['the kind of a bound token, and no key', { typ: 'DPoP' }, 'kind'],
  ['that, and a certificate', { typ: 'DPoP', cnf: { 'x5t#S256': thumbprint } }, 'kind'],
  ['a binding to what is not known', { cnf: { jwk: {} } }, 'claims'],
  ['no subject', { sub: undefined }, 'claims'],
]
for (const [name, change, fault] of refused) {
  test(`readIntrospected() refuses ${name}, though the provider calls it active`, () =>
    assert.equal(
      faultOf(() => introspected(change)),
      fault,
    ))
}

test('readIntrospected() refuses a JWS of another type, whatever the provider says of it', () => {
  assert.equal(
    faultOf(() => introspected({}, jws({ alg: 'RS256', kid: 'k', typ: 'logout+jwt' }))),
    'kind',
  )
  assert.equal(
    faultOf(() => introspected({}, jws({ alg: 'RS256', kid: 'k', typ: 'JWT', jku: 'x' }))),
    'kind',
  )
})

test('readSigned() takes the types of Keycloak for access tokens, the bound one only with its key', () => {
  const header = { alg: 'RS256', kid: 'k', typ: 'JWT' }
  const read = (change: object) => readSigned({ header, claims: { ...claims, ...change }, key }, rules, now * 1000)
  assert.equal(read({}).binding, undefined)
  assert.deepEqual(read({ typ: 'DPoP', cnf: { jkt: thumbprint } }).binding, { key: thumbprint })
  assert.equal(
    faultOf(() => read({ typ: 'DPoP' })),
    'kind',
  )
  assert.equal(
    faultOf(() => read({ typ: 'ID' })),
    'kind',
  )
})
