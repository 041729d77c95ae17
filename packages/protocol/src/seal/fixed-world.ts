import { createECDH, createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto'
import type { TrustSection } from '../bulletin/sections.ts'
import { compileTrust } from '../token/trust.ts'
import type { TxnClaims } from '../token/txn-claims.ts'
import { mintTxnToken } from '../token/txn-token.ts'
import { createWitCache } from '../token/wit-cache.ts'
import { mintWit } from '../token/wit.ts'
import type { AnswerExpectations } from './answer-types.ts'
import { createNonceStore } from './nonce-store.ts'
import type { RequestExpectations, RequestToSeal } from './request-types.ts'
import { sealLimits, type RequestBinding, type SealIdentity } from './terms.ts'

// One gateway, one module and control with keys that anybody can derive: for tests and for the published vectors, for nothing else.

export const nowMs = 1_800_000_000_250
const now = 1_800_000_000

export const ids = {
  domain: 'pop.internal',
  control: 'spiffe://pop.internal/control/control-1',
  gateway: 'spiffe://pop.internal/gateway/gateway-1',
  kafka: 'spiffe://pop.internal/module/kafka_service/1',
  s3: 'spiffe://pop.internal/module/s3_service/1',
} as const

export const boot = 'Ym9vdC12YWx1ZS0wMDAx'

/** The P-256 key whose private scalar is the SHA-256 of the label. */
export function fixedKey(label: string): KeyObject {
  const curve = createECDH('prime256v1')
  const scalar = hash('sha256', `POP API test key: ${label}`, 'buffer')
  curve.setPrivateKey(scalar)
  const point = curve.getPublicKey()
  const text = (bytes: Buffer) => bytes.toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', d: text(scalar), x: text(point.subarray(1, 33)), y: text(point.subarray(33)) }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

const witIssuer = { kid: 'wit-issuer-1', privateKey: fixedKey('wit issuer') }
const txnSigner = { kid: 'txn-gateway-1', privateKey: fixedKey('txn gateway-1') }

export const trustSection: TrustSection = {
  domain: ids.domain,
  authorities: [],
  wit_issuers: [{ kid: witIssuer.kid, state: 'active', jwk: publicJwk(witIssuer.privateKey) }],
  txn_keys: [{ kid: txnSigner.kid, state: 'active', jwk: publicJwk(txnSigner.privateKey), owner: ids.gateway }],
}

function publicJwk(key: KeyObject): TrustSection['wit_issuers'][number]['jwk'] {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  if (kty === undefined || crv === undefined || x === undefined || y === undefined)
    throw new TypeError('Not an EC key.')
  return { kty, crv, x, y }
}

/** A workload with a WIT of this world; the life of the WIT can be shortened. */
export function identityOf(sub: string, wit: { readonly iat?: number; readonly exp?: number } = {}): SealIdentity {
  const privateKey = fixedKey(`message ${sub}`)
  const publicKey = createPublicKey(privateKey)
  const claims = { iss: ids.control, sub, iat: now - 60, exp: now + 3600, jti: `wit ${sub}`, publicKey, ...wit }
  return { wit: mintWit(claims, witIssuer), privateKey }
}

export const txnClaims: TxnClaims = {
  iss: ids.gateway,
  iat: now,
  exp: now + 30,
  aud: ids.domain,
  txn: 'txn-0001',
  sub: 'user:0a1b2c3d-0000-4000-8000-000000000001',
  scope: 'kafka.produce:own',
  req_wl: ids.gateway,
  rctx: { req_ip: '192.0.2.7', client: 'pop', name: 'bob', acr: 'pop-mfa', amr: ['pwd', 'otp'], sid: 's-1' },
  tctx: {
    module: 'kafka_service',
    operation: 'POST /topics/{topic}/records',
    target: '/v1/kafka/topics/orders/records',
    roles: ['user'],
    decision: 'decision-0001',
  },
}

export function txnToken(change: Partial<TxnClaims> = {}): string {
  return mintTxnToken({ ...txnClaims, ...change }, txnSigner)
}

/** The body of `requestToSeal()`. */
export const requestBody = Buffer.from('{"records":[{"value":{"type":"JSON","data":1}}]}')

export function requestToSeal(change: Partial<RequestToSeal> = {}): RequestToSeal {
  return {
    method: 'POST',
    target: txnClaims.tctx.target,
    headers: ['accept', 'application/json', 'content-type', 'application/json', 'if-match', '"v1, v2"'],
    body: requestBody,
    txnToken: txnToken(),
    requestId: 'req-0001',
    audience: ids.kafka,
    boot,
    ...change,
  }
}

/** What the module of this world expects, with stores of its own. */
export function requestExpectations(change: Partial<RequestExpectations> = {}): RequestExpectations {
  return {
    trust: compileTrust(trustSection),
    wits: createWitCache(16),
    nonces: createNonceStore(16),
    limits: sealLimits,
    audience: ids.kafka,
    boot,
    peer: ids.gateway,
    module: 'kafka_service',
    operation: txnClaims.tctx.operation,
    takesUpload: false,
    nowMs,
    ...change,
  }
}

/** What the gateway of this world expects of the answer to a request. */
export function answerExpectations(
  binding: RequestBinding,
  change: Partial<AnswerExpectations> = {},
): AnswerExpectations {
  return {
    trust: compileTrust(trustSection),
    wits: createWitCache(16),
    limits: sealLimits,
    instance: ids.kafka,
    peer: ids.kafka,
    binding,
    takesEvents: false,
    nowMs,
    ...change,
  }
}
