// Writes proofs.json: `node --conditions=@pop-api/source vectors/make-proofs.ts`. Keys, clock and claims are fixed; each run writes
// other signatures that verify alike. packages/protocol/src/dpop/vectors.test.ts says whether a file is right.
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { thumbprintOf } from '../packages/protocol/src/dpop/thumbprint.ts'
import { signText } from '../packages/protocol/src/jws/algorithm.ts'
import { fixedKey, nowMs } from '../packages/protocol/src/seal/fixed-world.ts'
import { source } from './world.ts'

const now = Math.floor(nowMs / 1000)
const key = fixedKey('dpop client')
const otherKey = fixedKey('dpop stranger')
const token = 'eyJhbGciOiJFUzI1NiJ9.any.token-at-all'
const target = '/v1/kafka/topics?limit=10'
const uri = 'https://gateway.example:8443/v1/kafka/topics'

const privateJwk = (of: KeyObject) => of.export({ format: 'jwk' })
const publicJwk = (of: KeyObject) => createPublicKey(of).export({ format: 'jwk' })
const encode = (text: string): string => Buffer.from(text).toString('base64url')

const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk(key) }
const claims = {
  jti: '0b0c8a0e-6d2f-4e58-9a2b-6a0f7c1d0001',
  htm: 'GET',
  htu: uri,
  iat: now,
  ath: hash('sha256', token, 'base64url'),
}

interface Change {
  readonly header?: object
  readonly claims?: object
  /** Instead of the JSON of header or claims. */
  readonly text?: { readonly header?: string; readonly claims?: string }
  readonly key?: KeyObject
}

function sign({ header: head, claims: body, text, key: signer = key }: Change): string {
  const parts = [
    text?.header ?? JSON.stringify({ ...header, ...head }),
    text?.claims ?? JSON.stringify({ ...claims, ...body }),
  ]
  const signed = parts.map(encode).join('.')
  return `${signed}.${signText('ES256', signer, signed).toString('base64url')}`
}

const good = (name: string, change: object = {}) => {
  const changed = { ...claims, ...change }
  return { name, outcome: 'accepted', claims: changed, proof: sign({ claims: changed }) }
}
const bad = (name: string, change: Change) => ({ name, outcome: 'proof-invalid', proof: sign(change) })
const jwk = publicJwk(key)

const proofs = [
  good('for a request'),
  good('with host in capitals, and a query', { htu: 'https://GATEWAY.example:8443/v1/kafka/topics?limit=10#all' }),
  good('with an escape of what needs none', { htu: 'https://gateway.example:8443/v1/kafka/%74opics' }),
  good('59 seconds old', { iat: now - 59 }),
  good('of a clock 5 seconds ahead', { iat: now + 5 }),
  good('with a claim that means nothing here', { nonce: 'of another server' }),
  bad('of another type', { header: { typ: 'JWT' } }),
  bad('without a type', { header: { typ: undefined } }),
  bad('with the algorithm none', { header: { alg: 'none' } }),
  bad('with a symmetric algorithm', { header: { alg: 'HS256' } }),
  bad('without a key', { header: { jwk: undefined } }),
  bad('with a private key', { header: { jwk: privateJwk(key) } }),
  bad('with a secret for a key', { header: { jwk: { kty: 'oct', k: 'c2VjcmV0' } } }),
  bad('with a second spelling of the key', { header: { jwk: { ...jwk, x: `${jwk.x}=` } } }),
  bad('with a key for encryption', { header: { jwk: { ...jwk, use: 'enc' } } }),
  bad('with a key address', { header: { jku: 'https://gateway.example/keys' } }),
  bad('with a critical extension', { header: { crit: ['b64'], b64: false } }),
  bad('signed with another key', { key: otherKey }),
  bad('of a key that the token is not bound to', { header: { jwk: publicJwk(otherKey) }, key: otherKey }),
  bad('with a header member twice', { text: { header: JSON.stringify(header).replace('{', '{"alg":"none",') } }),
  bad('with a claim twice', { text: { claims: JSON.stringify(claims).replace('{', '{"htm":"POST",') } }),
  bad('without an id', { claims: { jti: undefined } }),
  bad('for another method', { claims: { htm: 'POST' } }),
  bad('for the method in lower case', { claims: { htm: 'get' } }),
  bad('for another path', { claims: { htu: `${uri}/orders` } }),
  bad('for another port', { claims: { htu: 'https://gateway.example/v1/kafka/topics' } }),
  bad('for another host', { claims: { htu: 'https://other.example:8443/v1/kafka/topics' } }),
  bad('for plain HTTP', { claims: { htu: uri.replace('https', 'http') } }),
  bad('for a path with dot segments', { claims: { htu: 'https://gateway.example:8443/v1/x/../kafka/topics' } }),
  bad('60 seconds old', { claims: { iat: now - 60 } }),
  bad('of a clock 6 seconds ahead', { claims: { iat: now + 6 } }),
  bad('with a time as a text', { claims: { iat: String(now) } }),
  bad('for another token', { claims: { ath: hash('sha256', 'another token', 'base64url') } }),
  bad('for no token', { claims: { ath: undefined } }),
  { name: 'with padding', outcome: 'proof-invalid', proof: `${sign({})}==` },
  { name: 'two of them in one field', outcome: 'proof-invalid', proof: `${sign({})}, ${sign({})}` },
]

const request = {
  method: 'GET',
  target,
  headers: ['host', 'gateway.example:8443', 'authorization', `DPoP ${token}`, 'dpop', proofs[0]?.proof],
}

const vectors = {
  source,
  note:
    'proofs of RFC 9449, each as the field dpop of the request of "expected" with the access token that stands there; claims are ' +
    'those of an accepted proof; thumbprint is cnf.jkt of the token; outcome is "accepted" or the code of the refusal; none was ' +
    'seen before; the keys are for tests alone',
  expected: { now_ms: nowMs, method: 'GET', uri, token, thumbprint: thumbprintOf(createPublicKey(key)) },
  keys: { 'dpop client': privateJwk(key), 'dpop stranger': privateJwk(otherKey) },
  request,
  proofs,
}

await writeFile(new URL('proofs.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
