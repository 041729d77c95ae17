import type { KeyObject } from 'node:crypto'
import { isJsonObject, isPlainText, type JsonObject } from '../encoding/shape.ts'
import { parseSpiffeId, type WorkloadId } from '../identity/spiffe-id.ts'
import { checkClaims } from '../jws/check-claims.ts'
import { signJws, verifyJws } from '../jws/jws.ts'
import { importPublicKey } from '../jws/key-record.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import type { TokenSigner } from './signer.ts'
import type { Trust } from './trust.ts'

export const witType = 'wit+jwt'
/** A WIT lives as long as the certificate it comes with: 24 h at most. */
export const witLifeSecondsMax = 86_400
const skewSecondsMax = 5

/** What control puts into a Workload Identity Token. Times in seconds since 1970. */
export interface WitClaims {
  /** SPIFFE ID of the control node that issues it. */
  readonly iss: string
  /** SPIFFE ID of the workload. */
  readonly sub: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** Public key of the workload's message signatures, P-256. */
  readonly publicKey: KeyObject
}

/** A Workload Identity Token that verified: whose it is, and the key of its message signatures. */
export interface VerifiedWit {
  readonly sub: string
  readonly id: WorkloadId
  readonly jti: string
  /** Seconds since 1970. */
  readonly exp: number
  readonly key: KeyObject
  readonly issuerKid: string
  readonly issuerFingerprint: string
}

/** Makes a WIT. Throws a RangeError for claims that `verifyWit` would refuse. */
export function mintWit(claims: WitClaims, signer: TokenSigner): string {
  const { publicKey, iss, sub, iat, exp, jti } = claims
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  if (publicKey.type !== 'public' || crv !== 'P-256')
    throw new RangeError('The message key of a WIT is a P-256 public key.')
  if (exp - iat > witLifeSecondsMax) throw new RangeError(`A WIT lives at most ${witLifeSecondsMax} seconds.`)
  const issuer = parseSpiffeId(iss)
  if (issuer?.kind !== 'control' || parseSpiffeId(sub)?.domain !== issuer.domain) {
    throw new RangeError('The issuer of a WIT is a control node, its subject a workload of the same trust domain.')
  }
  const cnf = { jwk: { kty, crv, x, y, alg: 'ES256' } }
  const header = { alg: 'ES256', kid: signer.kid, typ: witType } as const
  return signJws(header, { iss, sub, iat, exp, jti, cnf }, signer.privateKey)
}

/** Verifies a WIT of this trust domain. Refuses with `seal-wit`. Untrusted input; `createWitCache` spares the repetition. */
export function verifyWit(token: string, trust: Trust, nowMs: number): Verdict<VerifiedWit> {
  const jws = verifyJws(token, (kid) => trust.witIssuer(kid)?.record, { types: [witType] })
  if (!jws.ok) return refused('seal-wit', jws.detail)
  const { claims, header } = jws.value
  const times = checkClaims(claims, { lifeSecondsMax: witLifeSecondsMax, skewSecondsMax, nowMs })
  if (!times.ok) return refused('seal-wit', times.detail)
  const { iss, sub, jti } = claims
  const issuer = typeof iss === 'string' ? parseSpiffeId(iss) : undefined
  if (issuer?.kind !== 'control' || issuer.domain !== trust.domain) {
    return refused('seal-wit', 'The workload token is not issued by a control node of this trust domain.')
  }
  const id = typeof sub === 'string' ? parseSpiffeId(sub) : undefined
  if (typeof sub !== 'string' || id === undefined || id.domain !== trust.domain) {
    return refused('seal-wit', 'The subject of the workload token is not a workload of this trust domain.')
  }
  const key = messageKey(claims['cnf'])
  const issuerKey = trust.witIssuer(header.kid)
  if (!isPlainText(jti, 128) || key === undefined || issuerKey === undefined) {
    return refused('seal-wit', 'The workload token must have jti, and cnf.jwk with a P-256 public key and alg ES256.')
  }
  const issuerFingerprint = issuerKey.fingerprint
  return accepted({ sub, id, jti, exp: times.value.exp, key, issuerKid: header.kid, issuerFingerprint })
}

function messageKey(cnf: unknown): KeyObject | undefined {
  const jwk: unknown = isJsonObject(cnf) ? cnf['jwk'] : undefined
  if (!isJsonObject(jwk) || jwk['alg'] !== 'ES256' || hasPrivateMember(jwk)) return undefined
  return importPublicKey(jwk, 'ES256')
}

function hasPrivateMember(jwk: JsonObject): boolean {
  return Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')
}
