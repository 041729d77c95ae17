// Writes tokens.json: `node --conditions=@pop-api/source vectors/make-tokens.ts`. Keys, clock and claims are fixed; each run writes
// other signatures that verify alike. packages/protocol/src/token/vectors.test.ts says whether a file is right.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { fixedKey, ids, nowMs, trustSection, txnClaims } from '../packages/protocol/src/seal/fixed-world.ts'
import { identifyRevocation } from '../packages/protocol/src/incident/revocation.ts'
import { signJws } from '../packages/protocol/src/jws/jws.ts'
import { keys, source } from './world.ts'

const now = Math.floor(nowMs / 1000)

function publicJwk(key: KeyObject) {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  return { kty, crv, x, y }
}

interface Signer {
  readonly kid: string
  readonly label: string
}

const witIssuer: Signer = { kid: 'wit-issuer-1', label: 'wit issuer' }
const txnSigner: Signer = { kid: 'txn-gateway-1', label: 'txn gateway-1' }
const testSigner: Signer = { kid: 'test-1', label: 'test tokens' }
const bulletinSigner: Signer = { kid: 'bulletin-1', label: 'bulletin' }

const trust = {
  ...trustSection,
  test_keys: [
    { kid: testSigner.kid, state: 'active', jwk: publicJwk(fixedKey(testSigner.label)), owner: 'urn:pop:test' },
  ],
}

function sign(typ: string, claims: object, { kid, label }: Signer): string {
  return signJws({ alg: 'ES256', kid, typ }, claims, fixedKey(label))
}

/** The token with members of its header set; its signature is that of the header before. */
function withHeader(token: string, change: object): string {
  const [head = '', ...rest] = token.split('.')
  const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString())
  return [Buffer.from(JSON.stringify(Object.assign({}, header, change))).toString('base64url'), ...rest].join('.')
}

/** Makers of the cases of one kind of token. */
function kindOf(typ: string, claims: object, signer: Signer) {
  const token = sign(typ, claims, signer)
  return {
    token,
    good: (name: string, change: object = {}) => {
      const changed = { ...claims, ...change }
      return { name, outcome: 'accepted', claims: changed, token: sign(typ, changed, signer) }
    },
    bad: (name: string, outcome: string, change: object) => ({
      name,
      outcome,
      token: sign(typ, { ...claims, ...change }, signer),
    }),
  }
}

const identities = [
  { text: ids.gateway, outcome: 'accepted', parsed: { domain: ids.domain, kind: 'gateway', node: 'gateway-1' } },
  { text: ids.control, outcome: 'accepted', parsed: { domain: ids.domain, kind: 'control', node: 'control-1' } },
  {
    text: ids.kafka,
    outcome: 'accepted',
    parsed: { domain: ids.domain, kind: 'module', module: 'kafka_service', instance: '1' },
  },
  ...[
    'spiffe://pop.internal/gateway',
    'spiffe://pop.internal/gateway/gateway-1/',
    'spiffe://pop.internal/gateway/gateway-1/1',
    'spiffe://pop.internal/module/kafka_service',
    'spiffe://pop.internal/issuer/identity',
    'spiffe://POP.internal/gateway/gateway-1',
    'spiffe://pop.internal:443/gateway/gateway-1',
    'spiffe://pop.internal/gateway/..',
    'spiffe://pop.internal/gateway/a%2Fb',
    'https://pop.internal/gateway/gateway-1',
    'SPIFFE://pop.internal/gateway/gateway-1',
  ].map((text) => ({ text, outcome: 'refused' })),
]

const messageJwk = { ...publicJwk(fixedKey(`message ${ids.gateway}`)), alg: 'ES256' }
const witClaims = {
  iss: ids.control,
  sub: ids.gateway,
  iat: now - 60,
  exp: now + 3600,
  jti: '5f0e3a52-6d0c-4a52-9d0e-0d5b7f6f0001',
  cnf: { jwk: messageJwk },
}
const wit = kindOf('wit+jwt', witClaims, witIssuer)
const wits = [
  wit.good('of a gateway'),
  wit.good('with a claim more', { note: 'nobody looks at it' }),
  { name: 'at its end', outcome: 'seal-wit', token: wit.token, now_ms: (now + 3600) * 1000 },
  { name: 'ahead of the clock', outcome: 'seal-wit', token: wit.token, now_ms: (now - 66) * 1000 },
  wit.bad('that lives longer than a day', 'seal-wit', { exp: now - 60 + 86_401 }),
  wit.bad('with an end that is no whole number', 'seal-wit', { exp: now + 0.5 }),
  wit.bad('issued by a gateway', 'seal-wit', { iss: ids.gateway }),
  wit.bad('of another trust domain', 'seal-wit', { sub: 'spiffe://pop.example/gateway/gateway-1' }),
  wit.bad('without a key', 'seal-wit', { cnf: {} }),
  wit.bad('whose key has no alg', 'seal-wit', { cnf: { jwk: publicJwk(fixedKey(`message ${ids.gateway}`)) } }),
  wit.bad('that carries the private key', 'seal-wit', { cnf: { jwk: { ...messageJwk, d: 'AAAA' } } }),
  wit.bad('without jti', 'seal-wit', { jti: '' }),
  { name: 'of the type of another token', outcome: 'seal-wit', token: sign('txntoken+jwt', witClaims, witIssuer) },
  { name: 'signed with a key of Txn-Tokens', outcome: 'seal-wit', token: sign('wit+jwt', witClaims, txnSigner) },
  { name: 'unsigned', outcome: 'seal-wit', token: withHeader(wit.token, { alg: 'none' }) },
  { name: 'that brings its key', outcome: 'seal-wit', token: withHeader(wit.token, { jwk: messageJwk }) },
  { name: 'with a second spelling of its signature', outcome: 'seal-wit', token: `${wit.token}=` },
  {
    name: 'of an issuer key that is distrusted',
    outcome: 'seal-wit',
    token: wit.token,
    trust: { ...trust, wit_issuers: trust.wit_issuers.map((key) => ({ ...key, state: 'distrusted' })) },
  },
]

const claims = {
  ...txnClaims,
  rctx: { ...txnClaims.rctx, auth_jti: 'a-1', auth_iat: now - 30 },
}
const txn = kindOf('txntoken+jwt', claims, txnSigner)
const otherOperation = { operation: 'GET /topics/{topic}/records' }
const txn_tokens = [
  txn.good('of a user'),
  txn.good('of a service client', { sub: 'client:reporter' }),
  txn.good('with the sign-in behind the token', { rctx: { ...claims.rctx, auth_time: now - 300, auth_kid: 'k-1' } }),
  txn.good('of a test token', {
    sub: 'user:urn:pop:test:tester',
    rctx: { ...claims.rctx, test_token: true, maker: { sub: claims.sub, sid: 's-2', auth_jti: 'a-2', auth_iat: now - 60 } },
  }),
  txn.bad('with a maker without a name space', 'seal-txn', { rctx: { ...claims.rctx, maker: { sub: 'alice' } } }),
  txn.bad('with a time of sign-in that is no whole number', 'seal-txn', { rctx: { ...claims.rctx, auth_time: '1' } }),
  txn.good('with two words of scope', { scope: 'kafka.consume:own kafka.consume:public' }),
  { ...txn.good('of a module for a user', { req_wl: ids.s3, act: { sub: ids.s3 } }), requester: ids.s3 },
  { name: 'at its end', outcome: 'seal-txn', token: txn.token, now_ms: (now + 30) * 1000 },
  txn.bad('that lives longer than a minute', 'seal-txn', { exp: now + 61 }),
  txn.bad('of another trust domain', 'seal-txn', { aud: 'pop.example' }),
  txn.bad('of two audiences', 'seal-txn', { aud: [ids.domain, 'pop.example'] }),
  txn.bad('issued by another than the owner of its key', 'seal-txn', { iss: 'spiffe://pop.internal/gateway/gateway-2' }),
  { name: 'at another module', outcome: 'seal-txn', token: txn.token, module: 's3_service' },
  { name: 'at another operation', outcome: 'seal-txn', token: txn.token, ...otherOperation },
  { name: 'for another target', outcome: 'seal-txn', token: txn.token, target: `${claims.tctx.target}?a=1` },
  { name: 'presented by another workload', outcome: 'seal-identity', token: txn.token, requester: ids.s3 },
  {
    ...txn.bad('of a module that is not its outermost actor', 'seal-identity', { req_wl: ids.s3, act: { sub: ids.kafka } }),
    requester: ids.s3,
  },
  {
    ...txn.bad('through more than three modules', 'seal-txn', {
      req_wl: ids.s3,
      act: { sub: ids.s3, act: { sub: ids.kafka, act: { sub: ids.s3, act: { sub: ids.kafka } } } },
    }),
    requester: ids.s3,
  },
  txn.bad('without a name space of its subject', 'seal-txn', { sub: '0a1b2c3d-0000-4000-8000-000000000001' }),
  txn.bad('with a scope without ownership', 'seal-txn', { scope: 'kafka.produce' }),
  txn.bad('with a word of scope twice', 'seal-txn', { scope: 'kafka.produce:own kafka.produce:own' }),
  { name: 'signed with the key of WITs', outcome: 'seal-txn', token: sign('txntoken+jwt', claims, witIssuer) },
]

const testClaims = {
  aud: 'pop-api',
  iat: now,
  exp: now + 300,
  jti: '7c1d1a3e-2f7b-4a5c-8f11-0d5b7f6f0002',
  preferred_username: 'tester',
  roles: ['reader'],
  acr: 'pop-mfa',
  maker: { sub: txnClaims.sub, client: 'pop', sid: 's-1', auth_jti: 'a-1', auth_iat: now - 30 },
  iss: 'urn:pop:test',
  sub: 'urn:pop:test:tester',
}
const testToken = kindOf('pop-test+jwt', testClaims, testSigner)
const test_tokens = [
  testToken.good('of a reader'),
  { name: 'at its end', outcome: 'token-expired', token: testToken.token, now_ms: (now + 300) * 1000 },
  testToken.bad('that lives longer than five minutes', 'token-invalid', { exp: now + 301 }),
  testToken.bad('for another audience', 'token-invalid', { aud: 'another-api' }),
  testToken.bad('of another issuer', 'token-invalid', { iss: 'https://localhost:8444' }),
  testToken.bad('whose subject is not its name', 'token-invalid', { sub: 'urn:pop:test:alice' }),
  testToken.bad('without its maker', 'token-invalid', { maker: undefined }),
  testToken.bad('whose maker has no name space', 'token-invalid', { maker: { sub: 'alice' } }),
  testToken.bad('whose subject is a user of the provider', 'token-invalid', { sub: txnClaims.sub }),
  { name: 'of the type of access tokens', outcome: 'token-invalid', token: sign('at+jwt', testClaims, testSigner) },
  { name: 'where test tokens are not allowed', outcome: 'token-invalid', token: testToken.token, trust: trustSection },
]

const position = { epoch: 1, sequence: 7, previous: 6, issued: nowMs }
const change = {
  aud: 'gateways',
  ...position,
  section: 'policy',
  value: { roles: { reader: ['view_public_resources'] }, module_permissions: {}, grants: { reader: ['kafka.consume'] } },
}
const { section: _section, value, ...head } = change
const bulletin = kindOf('pop-bulletin+jwt', change, bulletinSigner)
const bulletinOf = (name: string, told: object) => ({
  name,
  outcome: 'accepted',
  claims: told,
  token: sign('pop-bulletin+jwt', told, bulletinSigner),
})
const revocation = identifyRevocation({
  kind: 'sub',
  value: txnClaims.sub,
  issued_until: now + 5,
  until: now + 30 * 86_400,
  account: { reason: 'laptop lost', by: 'user:alice', at: now },
})
const bulletins = [
  bulletinOf('a snapshot', { ...head, previous: 7, sections: { trust: trustSection, policy: value } }),
  bulletin.good('a change'),
  bulletinOf('a change of incidents', { ...head, section: 'incidents', value: { revocations: [revocation] } }),
  bulletinOf('a heartbeat', { ...head, previous: 7, section: 'heartbeat' }),
  bulletin.bad('of another audience', 'token-invalid', { aud: 'module:kafka_service' }),
  bulletin.bad('of a section that nobody knows', 'token-malformed', { section: 'weather' }),
  bulletin.bad('with a section of another shape', 'token-malformed', { value: { roles: [] } }),
  bulletin.bad('with a revocation of a kind that nobody knows', 'token-malformed', {
    section: 'incidents',
    value: { revocations: [{ ...revocation, kind: 'ip' }] },
  }),
  bulletin.bad('with a position that is no number', 'token-malformed', { sequence: '7' }),
  bulletin.bad('both a snapshot and a change', 'token-malformed', { sections: {} }),
  { name: 'of another key', outcome: 'token-invalid', token: sign('pop-bulletin+jwt', change, { ...bulletinSigner, label: 'wit issuer' }) },
  { name: 'of the type of another token', outcome: 'token-invalid', token: sign('wit+jwt', change, bulletinSigner) },
]

const vectors = {
  source,
  note:
    'tokens are JWS in compact form; claims are those of an accepted token, as it was signed; a case overrides what stands in ' +
    '"expected"; outcome is "accepted" or the code of the refusal; of an identity, parsed is what it says; the keys are for tests ' +
    'alone',
  expected: {
    now_ms: nowMs,
    trust,
    requester: ids.gateway,
    module: claims.tctx.module,
    operation: claims.tctx.operation,
    target: claims.tctx.target,
    test_audience: testClaims.aud,
    bulletin_audience: 'gateways',
    bulletin_key: { kid: bulletinSigner.kid, ...publicJwk(fixedKey(bulletinSigner.label)), alg: 'ES256' },
  },
  keys: {
    ...keys,
    [testSigner.label]: fixedKey(testSigner.label).export({ format: 'jwk' }),
    [bulletinSigner.label]: fixedKey(bulletinSigner.label).export({ format: 'jwk' }),
  },
  identities,
  wits,
  txn_tokens,
  test_tokens,
  bulletins,
}

await writeFile(new URL('tokens.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
