import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint, SignJWT } from 'jose'
import { signText, type JwsAlgorithm } from '../jws/algorithm.ts'
import { proofAlgorithmNames, verifyDpopProof, type ProofExpectations } from './proof.ts'
import { thumbprintOf } from './thumbprint.ts'

const now = 1_800_000_000
const token = 'an.access.token'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' })
const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: jwkOf(p256) }
const claims = {
  jti: 'a-proof',
  htm: 'POST',
  htu: 'https://localhost:8443/v1/kafka/topics',
  iat: now,
  ath: hash('sha256', token, 'base64url'),
}
const expected: ProofExpectations = {
  method: 'POST',
  uri: 'https://localhost:8443/v1/kafka/topics',
  token,
  thumbprint: thumbprintOf(createPublicKey(p256)),
  nowMs: now * 1000,
}

interface Change {
  readonly header?: unknown
  readonly claims?: unknown
  readonly key?: KeyObject
  readonly alg?: JwsAlgorithm
}

function proof({ header: head, claims: body, key = p256, alg = 'ES256' }: Change = {}): string {
  const merged = (one: object, other: unknown) => (typeof other === 'string' ? other : { ...one, ...Object(other) })
  const text = `${encode(merged(header, head))}.${encode(merged(claims, body))}`
  return `${text}.${signText(alg, key, text).toString('base64url')}`
}

function faultOf(text: string, change: Partial<ProofExpectations> = {}): string {
  const verdict = verifyDpopProof(text, { ...expected, ...change })
  if (verdict.ok) return 'accepted'
  assert.equal(verdict.code, 'proof-invalid')
  return verdict.detail
}

test('verifyDpopProof() gives jti, iat and the thumbprint of a proof that holds', () => {
  const verdict = verifyDpopProof(proof(), expected)
  assert.deepEqual(verdict, { ok: true, value: { jti: 'a-proof', iat: now, thumbprint: expected.thumbprint } })
})

test('verifyDpopProof() takes what jose signs, in every algorithm that it names, and no other', async () => {
  const keys: Record<string, KeyObject> = { ES256: p256, Ed25519: ed25519, EdDSA: ed25519, PS256: rsa, RS256: rsa }
  assert.deepEqual(Object.keys(keys), proofAlgorithmNames)
  for (const [alg, key] of Object.entries(keys)) {
    const signed = await new SignJWT(claims).setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: jwkOf(key) }).sign(key)
    const thumbprint = await calculateJwkThumbprint(jwkOf(key))
    assert.equal(thumbprint, thumbprintOf(createPublicKey(key)))
    assert.equal(faultOf(signed, { thumbprint }), 'accepted', alg)
  }
  const wide = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const signed = await new SignJWT(claims)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES384', jwk: jwkOf(wide) })
    .sign(wide)
  assert.match(faultOf(signed), /alg must be one of/)
})

test('verifyDpopProof() verifies the example of RFC 9449 section 7.1', () => {
  const published =
    'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldW' +
    'QVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC' +
    '1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwi' +
    'YXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6' +
    '-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA'
  const theirs: ProofExpectations = {
    method: 'GET',
    uri: 'https://resource.example.org/protectedresource',
    token: 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU',
    // Section 6.1.
    thumbprint: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
    nowMs: 1_562_262_618_000,
  }
  assert.equal(faultOf(published, theirs), 'accepted')
  assert.match(faultOf(published, { ...theirs, token: 'another' }), /ath/)
})

test('verifyDpopProof() compares addresses, not their spellings', () => {
  for (const htu of [
    'HTTPS://LOCALHOST:8443/v1/kafka/topics',
    'https://localhost:08443/v1/kafka/topics?limit=3#top',
    'https://localhost:8443/v1/kafka/%74opics',
  ])
    assert.equal(faultOf(proof({ claims: { htu } })), 'accepted', htu)
  const others = ['http://localhost:8443/v1/kafka/topics', 'https://localhost/v1/kafka/topics', '/v1/kafka/topics', 7]
  for (const htu of [...others, 'https://localhost:8443/v1/kafka/topics/', 'https://localhost:8443/v1/kafka/Topics'])
    assert.match(faultOf(proof({ claims: { htu } })), /htu must be https:/, String(htu))
})

test('verifyDpopProof() takes a proof for a minute, and of a clock that is five seconds ahead', () => {
  const at = (seconds: number): string => faultOf(proof(), { nowMs: (now + seconds) * 1000 })
  assert.deepEqual([at(-5), at(59.999)], ['accepted', 'accepted'])
  assert.match(at(60), /ago/)
  assert.match(at(-5.001), /ahead/)
})

const privateKey = p256.export({ format: 'jwk' })
const respelled = { ...jwkOf(p256), x: `${jwkOf(p256).x}=` }
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const secret = { kty: 'oct', k: encode('a secret of some length, or so') }
const refusals: readonly (readonly [string, () => string, RegExp])[] = [
  ['nothing', () => '', /compact JWS/],
  ['two proofs in one field', () => `${proof()}, ${proof()}`, /compact JWS/],
  ['a space behind it', () => `${proof()} `, /signature/],
  ['padding', () => `${proof()}==`, /signature/],
  ['another typ', () => proof({ header: { typ: 'JWT' } }), /typ/],
  ['no typ', () => proof({ header: { typ: undefined } }), /typ/],
  ['the alg none', () => proof({ header: { alg: 'none' } }), /alg/],
  ['a symmetric alg', () => proof({ header: { alg: 'HS256', jwk: secret } }), /alg/],
  ['an alg that is a prototype', () => proof({ header: { alg: '__proto__' } }), /alg/],
  ['a secret as its key', () => proof({ header: { jwk: secret } }), /jwk/],
  ['an alg of another key', () => proof({ header: { alg: 'RS256' } }), /jwk/],
  ['no jwk', () => proof({ header: { jwk: undefined } }), /jwk/],
  ['a private jwk', () => proof({ header: { jwk: privateKey } }), /jwk/],
  ['an empty private member', () => proof({ header: { jwk: { ...jwkOf(p256), d: '' } } }), /jwk/],
  ['a jwk for encryption', () => proof({ header: { jwk: { ...jwkOf(p256), use: 'enc' } } }), /jwk/],
  ['a jwk of another alg', () => proof({ header: { jwk: { ...jwkOf(p256), alg: 'ES384' } } }), /jwk/],
  ['a jwk that may only sign', () => proof({ header: { jwk: { ...jwkOf(p256), key_ops: ['sign'] } } }), /jwk/],
  ['a second spelling of the key', () => proof({ header: { jwk: respelled } }), /jwk/],
  ['a key address', () => proof({ header: { jku: 'https://localhost/keys' } }), /jku/],
  ['a certificate', () => proof({ header: { x5c: ['MIIB'] } }), /x5c/],
  ['a critical extension', () => proof({ header: { crit: ['b64'], b64: false } }), /crit/],
  ['a header member twice', () => proof({ header: `{"alg":"none",${JSON.stringify(header).slice(1)}` }), /header/],
  ['the signature of another key', () => proof({ key: other }), /signature/],
  ['another key than that of the token', () => proof({ header: { jwk: jwkOf(other) }, key: other }), /another key/],
  ['no jti', () => proof({ claims: { jti: undefined } }), /jti/],
  ['an empty jti', () => proof({ claims: { jti: '' } }), /jti/],
  ['a long jti', () => proof({ claims: { jti: 'a'.repeat(129) } }), /jti/],
  ['another method', () => proof({ claims: { htm: 'GET' } }), /htm/],
  ['the method in lower case', () => proof({ claims: { htm: 'post' } }), /htm/],
  ['no htu', () => proof({ claims: { htu: undefined } }), /htu/],
  ['no iat', () => proof({ claims: { iat: undefined } }), /iat/],
  ['an iat as a text', () => proof({ claims: { iat: String(now) } }), /iat/],
  ['an iat with a fraction', () => proof({ claims: { iat: now + 0.5 } }), /iat/],
  ['an exp that is past', () => proof({ claims: { exp: now } }), /exp/],
  ['an nbf that is ahead', () => proof({ claims: { nbf: now + 6 } }), /nbf/],
  ['no ath', () => proof({ claims: { ath: undefined } }), /ath/],
  ['the ath of another token', () => proof({ claims: { ath: hash('sha256', 'other', 'base64url') } }), /ath/],
  ['the ath in hex', () => proof({ claims: { ath: hash('sha256', token, 'hex') } }), /ath/],
  ['a claim twice', () => proof({ claims: `{"htm":"GET",${JSON.stringify(claims).slice(1)}` }), /claims/],
  ['7000 characters', () => proof({ claims: { more: 'a'.repeat(5000) } }), /compact JWS/],
]
for (const [name, make, message] of refusals) {
  test(`verifyDpopProof() refuses ${name}`, () => assert.match(faultOf(make()), message))
}
