import { createPublicKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { isJsonObject, isPlainText, type JsonObject } from '../encoding/shape.ts'
import { isJwsAlgorithm, keyFits, type JwsAlgorithm } from './algorithm.ts'

/** A public key as we keep it: it has one algorithm, whatever a token says (RFC 8725 section 3.1). */
export interface KeyRecord {
  readonly kid: string
  readonly alg: JwsAlgorithm
  readonly key: KeyObject
}

/**
 * Makes a record of one key of a JWKS. Undefined for a key that must not verify a signature: no `kid`, a use other than `sig`,
 * a secret (`oct`), RSA under 2048 bits, an unknown curve or algorithm, an `alg` that does not fit the key. Private members are
 * not looked at. A key without `alg` gets the usual one of its type (RSA: RS256). Untrusted input.
 */
export function importKeyRecord(jwk: unknown): KeyRecord | undefined {
  if (!isJsonObject(jwk) || !isPlainText(jwk['kid'], 256)) return undefined
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return undefined
  const operations = jwk['key_ops']
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const alg = jwk['alg'] === undefined ? usualAlgorithm(jwk) : jwk['alg']
  if (!isJwsAlgorithm(alg)) return undefined
  const key = importPublicKey(jwk, alg)
  return key === undefined ? undefined : { kid: jwk['kid'], alg, key }
}

/** The public half of a JWK if it fits the algorithm, else undefined. Untrusted input. */
export function importPublicKey(jwk: JsonObject, alg: JwsAlgorithm): KeyObject | undefined {
  const members = publicMembers(jwk)
  if (members === undefined) return undefined
  try {
    const key = createPublicKey({ key: members, format: 'jwk' })
    return keyFits(alg, key) ? key : undefined
  } catch {
    // Node throws for points off the curve and broken base64; the contract says undefined for any key it cannot use.
    return undefined
  }
}

function publicMembers({ kty, n, e, crv, x, y }: JsonObject): JWK | undefined {
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') return { kty, n, e }
  if (typeof crv !== 'string' || typeof x !== 'string') return undefined
  if (kty === 'EC' && typeof y === 'string') return { kty, crv, x, y }
  return kty === 'OKP' ? { kty, crv, x } : undefined
}

function usualAlgorithm({ kty, crv }: JsonObject): JwsAlgorithm | undefined {
  if (kty === 'RSA') return 'RS256'
  if (kty === 'EC') return crv === 'P-256' ? 'ES256' : crv === 'P-384' ? 'ES384' : undefined
  return kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined
}
