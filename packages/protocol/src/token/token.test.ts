import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import type { KeyState, TrustSection } from '../bulletin/sections.ts'
import { signJws } from '../jws/jws.ts'
import { compileTrust } from './trust.ts'
import { parseTxnClaims, type TxnClaims } from './txn-claims.ts'
import { mintTxnToken, verifyTxnToken, type TxnExpectations } from './txn-token.ts'
import { createWitCache } from './wit-cache.ts'
import { mintWit, verifyWit, type WitClaims } from './wit.ts'

const now = 1_800_000_000
const nowMs = now * 1000
const control = 'spiffe://pop.internal/control/control-1'
const gateway = 'spiffe://pop.internal/gateway/gateway-1'
const otherGateway = 'spiffe://pop.internal/gateway/gateway-2'
const kafka = 'spiffe://pop.internal/module/kafka_service/1'
const s3 = 'spiffe://pop.internal/module/s3_service/1'

function ecKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

const witIssuer = { kid: 'wit-1', privateKey: ecKey() }
const txnSigner = { kid: 'txn-1', privateKey: ecKey() }
const message = ecKey()

function jwkOf(key: KeyObject) {
  return createPublicKey(key).export({ format: 'jwk' })
}

function sectionWith(state: KeyState = 'active'): TrustSection {
  return {
    domain: 'pop.internal',
    authorities: [],
    wit_issuers: [{ kid: 'wit-1', state, jwk: jwkOf(witIssuer.privateKey) }],
    txn_keys: [{ kid: 'txn-1', state, jwk: jwkOf(txnSigner.privateKey), owner: gateway }],
  }
}

const trust = compileTrust(sectionWith())

const witClaims: WitClaims = {
  iss: control,
  sub: gateway,
  iat: now - 10,
  exp: now + 3600,
  jti: 'w-1',
  publicKey: createPublicKey(message),
}

const txnClaims: TxnClaims = {
  iss: gateway,
  iat: now,
  exp: now + 30,
  aud: 'pop.internal',
  txn: 't-1',
  sub: 'user:7f',
  scope: 'kafka.consume:own kafka.consume:public',
  req_wl: gateway,
  rctx: {
    req_ip: '127.0.0.1',
    client: 'pop',
    name: 'bob',
    acr: 'pop-mfa',
    amr: ['pwd', 'otp'],
    sid: 's',
    auth_iat: now,
  },
  tctx: {
    module: 'kafka_service',
    operation: 'GET /topics/{topic}',
    target: '/v1/kafka/topics/a?x=1',
    roles: ['user'],
    decision: 'd-1',
  },
}

const expected: TxnExpectations = {
  trust,
  module: 'kafka_service',
  operation: 'GET /topics/{topic}',
  target: '/v1/kafka/topics/a?x=1',
  requester: gateway,
  nowMs,
}

/** The claims signed rightly whatever they say, as a gateway that was taken over would. */
function signTxn(claims: object, change: { typ?: string; kid?: string } = {}): string {
  return signJws({ alg: 'ES256', kid: 'txn-1', typ: 'txntoken+jwt', ...change }, claims, txnSigner.privateKey)
}

function codeOf(verdict: { ok: boolean; code?: string }): string | undefined {
  return verdict.ok ? 'ok' : verdict.code
}

test('compileTrust() finds next, active and retiring keys, each in its own list, and never a distrusted one', () => {
  for (const state of ['next', 'active', 'retiring'] as const) {
    assert(compileTrust(sectionWith(state)).witIssuer('wit-1'))
    assert.equal(compileTrust(sectionWith(state)).txnKey('txn-1')?.owner, gateway)
  }
  const distrusted = compileTrust(sectionWith('distrusted'))
  assert.equal(distrusted.witIssuer('wit-1'), undefined)
  assert.equal(distrusted.txnKey('txn-1'), undefined)
  assert.equal(trust.witIssuer('txn-1'), undefined)
  assert.equal(trust.txnKey('wit-1'), undefined)
})

test('compileTrust() throws for a key listed twice, a key that is not ES256, an owner that is no gateway', () => {
  const section = sectionWith()
  const [issuer] = section.wit_issuers
  const [txn] = section.txn_keys
  assert(issuer && txn)
  const distrusted = { ...issuer, state: 'distrusted' as const }
  assert.throws(() => compileTrust({ ...section, wit_issuers: [distrusted, issuer] }))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  assert.throws(() => compileTrust({ ...section, wit_issuers: [{ ...issuer, jwk: rsa }] }))
  assert.throws(() => compileTrust({ ...section, txn_keys: [{ ...txn, owner: kafka }] }))
  assert.throws(() => compileTrust({ ...section, txn_keys: [{ ...txn, owner: 'spiffe://other/gateway/g' }] }))
})

test('verifyWit() reads what mintWit() made', () => {
  const verdict = verifyWit(mintWit(witClaims, witIssuer), trust, nowMs)
  assert(verdict.ok)
  assert.equal(verdict.value.sub, gateway)
  assert.equal(verdict.value.exp, now + 3600)
  assert.equal(verdict.value.key.equals(createPublicKey(message)), true)
})

test('mintWit() refuses a life over a day, another curve, a private key, a subject of another domain', () => {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
  for (const change of [
    { exp: now + 86_400 },
    { publicKey: p384 },
    { publicKey: message },
    { iss: gateway },
    { sub: 'spiffe://other/gateway/g' },
  ]) {
    assert.throws(() => mintWit({ ...witClaims, ...change }, witIssuer), RangeError)
  }
})

test('verifyWit() refuses other keys, domains, times and confirmation keys', () => {
  const jwk = { ...jwkOf(message), alg: 'ES256' }
  const good = { iss: control, sub: gateway, iat: now, exp: now + 60, jti: 'w', cnf: { jwk } }
  const sign = (claims: object, typ = 'wit+jwt', signer = witIssuer) =>
    signJws({ alg: 'ES256', kid: signer.kid, typ }, claims, signer.privateKey)
  assert.equal(codeOf(verifyWit(sign(good), trust, nowMs)), 'ok')
  assert.equal(codeOf(verifyWit(sign(good, 'JWT'), trust, nowMs)), 'seal-wit')
  assert.equal(codeOf(verifyWit(sign(good, 'wit+jwt', txnSigner), trust, nowMs)), 'seal-wit')
  assert.equal(codeOf(verifyWit(sign(good), compileTrust(sectionWith('distrusted')), nowMs)), 'seal-wit')
  const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  for (const change of [
    { iss: gateway },
    { iss: 'spiffe://other/control/c' },
    { iss: undefined },
    { sub: 'spiffe://other/gateway/g' },
    { sub: 'gateway-1' },
    { exp: undefined },
    { exp: now },
    { exp: now + 86_401 },
    { iat: now + 6 },
    { jti: undefined },
    { cnf: undefined },
    { cnf: { jwk: jwkOf(message) } },
    { cnf: { jwk: { ...jwk, alg: 'EdDSA' } } },
    { cnf: { jwk: { ...ed25519, alg: 'EdDSA' } } },
    { cnf: { jwk: { ...message.export({ format: 'jwk' }), alg: 'ES256' } } },
  ]) {
    assert.equal(codeOf(verifyWit(sign({ ...good, ...change }), trust, nowMs)), 'seal-wit', JSON.stringify(change))
  }
})

test('createWitCache() looks at end and issuer key of a cached token on each use', () => {
  const cache = createWitCache(10)
  const token = mintWit(witClaims, witIssuer)
  assert.equal(codeOf(cache.verify(token, trust, nowMs)), 'ok')
  assert.equal(cache.size(), 1)
  assert.equal(codeOf(cache.verify(token, compileTrust(sectionWith('retiring')), nowMs)), 'ok')
  assert.equal(codeOf(cache.verify(token, compileTrust(sectionWith('distrusted')), nowMs)), 'seal-wit')
  assert.equal(codeOf(cache.verify(token, trust, nowMs)), 'ok')
  const replaced = { ...sectionWith(), wit_issuers: [{ kid: 'wit-1', state: 'active' as const, jwk: jwkOf(ecKey()) }] }
  assert.equal(codeOf(cache.verify(token, compileTrust(replaced), nowMs)), 'seal-wit')
  assert.equal(codeOf(cache.verify(token, trust, (now + 3600) * 1000)), 'seal-wit')
})

test('createWitCache() keeps no more than its limit and nothing that did not verify', () => {
  const cache = createWitCache(2)
  for (const jti of ['a', 'b', 'c']) cache.verify(mintWit({ ...witClaims, jti }, witIssuer), trust, nowMs)
  assert.equal(cache.size(), 2)
  const bad = createWitCache(2)
  bad.verify('a.b.c', trust, nowMs)
  assert.equal(bad.size(), 0)
})

test('verifyTxnToken() reads what mintTxnToken() made', () => {
  const verdict = verifyTxnToken(mintTxnToken(txnClaims, txnSigner), expected)
  assert.deepEqual(verdict, { ok: true, value: txnClaims })
  assert.throws(() => mintTxnToken({ ...txnClaims, exp: now + 61 }, txnSigner), RangeError)
})

test('verifyTxnToken() refuses a token for another module, operation or target', () => {
  const token = mintTxnToken(txnClaims, txnSigner)
  for (const change of [
    { module: 's3_service' },
    { operation: 'DELETE /topics/{topic}' },
    { operation: undefined },
    { target: '/v1/kafka/topics/a' },
    { target: '/v1/kafka/topics/a?x=%31' },
  ]) {
    assert.equal(codeOf(verifyTxnToken(token, { ...expected, ...change })), 'seal-txn', JSON.stringify(change))
  }
})

test('verifyTxnToken() refuses a presenter that the token does not name', () => {
  const token = mintTxnToken(txnClaims, txnSigner)
  for (const requester of [otherGateway, kafka]) {
    assert.equal(codeOf(verifyTxnToken(token, { ...expected, requester })), 'seal-identity')
  }
  const forOther = signTxn({ ...txnClaims, req_wl: otherGateway })
  assert.equal(codeOf(verifyTxnToken(forOther, { ...expected, requester: otherGateway })), 'seal-identity')
})

test('verifyTxnToken() takes req_wl from the outermost actor, up to three deep', () => {
  const act = { sub: s3, act: { sub: kafka, act: { sub: s3 } } }
  const present = (claims: object, requester: string) =>
    codeOf(verifyTxnToken(signTxn({ ...txnClaims, ...claims }), { ...expected, requester }))
  assert.equal(present({ act, req_wl: s3 }, s3), 'ok')
  assert.equal(present({ act, req_wl: kafka }, kafka), 'seal-identity')
  assert.equal(present({ act, req_wl: gateway }, gateway), 'seal-identity')
  assert.equal(present({ act: { sub: kafka, act }, req_wl: kafka }, kafka), 'seal-txn')
  assert.equal(present({ act: { sub: gateway }, req_wl: gateway }, gateway), 'seal-txn')
})

test('verifyTxnToken() refuses another owner of the key, type, audience, time or kind of key', () => {
  const cases: readonly [string, string][] = [
    [signTxn({ ...txnClaims, iss: otherGateway, req_wl: otherGateway }), 'other issuer'],
    [signTxn(txnClaims, { typ: 'JWT' }), 'type'],
    [signTxn(txnClaims, { kid: 'wit-1' }), 'kid of another kind'],
    [signTxn({ ...txnClaims, aud: 'other.internal' }), 'audience'],
    [signTxn({ ...txnClaims, exp: now + 61 }), 'life'],
    [signTxn({ ...txnClaims, iat: now - 60, exp: now }), 'expired'],
    [signTxn({ ...txnClaims, iat: now + 6 }), 'future'],
    [mintTxnToken(txnClaims, { kid: 'txn-1', privateKey: ecKey() }), 'other key'],
  ]
  for (const [token, name] of cases) assert.equal(codeOf(verifyTxnToken(token, expected)), 'seal-txn', name)
  const distrusted = { ...expected, trust: compileTrust(sectionWith('distrusted')) }
  assert.equal(codeOf(verifyTxnToken(mintTxnToken(txnClaims, txnSigner), distrusted)), 'seal-txn')
})

test('parseTxnClaims() refuses each claim in another shape and drops what it does not know', () => {
  const { rctx, tctx } = txnClaims
  assert.deepEqual(parseTxnClaims({ ...txnClaims, access_token: 'x', rctx: { ...rctx, extra: 1 } }), txnClaims)
  for (const change of [
    { sub: 'bob' },
    { sub: 'user:' },
    { sub: 'admin:bob' },
    { sub: 'user:a\nb' },
    { scope: '' },
    { scope: 'kafka.consume' },
    { scope: 'kafka.consume:all' },
    { scope: 'kafka.consume:own  kafka.consume:any' },
    { scope: 'kafka.consume:own kafka.consume:own' },
    { txn: '' },
    { req_wl: 7 },
    { rctx: undefined },
    { rctx: { ...rctx, req_ip: undefined } },
    { rctx: { ...rctx, sid: 7 } },
    { rctx: { ...rctx, amr: 'pwd' } },
    { rctx: { ...rctx, auth_iat: '1' } },
    { tctx: [] },
    { tctx: { ...tctx, roles: 'user' } },
    { tctx: { ...tctx, roles: [1] } },
    { tctx: { ...tctx, target: 'v1' } },
    { tctx: { ...tctx, target: '/a b' } },
    { tctx: { ...tctx, operation: 'GET' } },
    { tctx: { ...tctx, decision: undefined } },
    { act: null },
  ]) {
    assert.equal(parseTxnClaims({ ...txnClaims, ...change }), undefined, JSON.stringify(change))
  }
})
