import type { KeyObject } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../encoding/shape.ts'
import type { JwsAlgorithm } from '../jws/algorithm.ts'
import { importPublicKey } from '../jws/key-record.ts'

/** RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1: with any of these somebody gave a key away that was to be private. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const
const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const

/**
 * The public key in the `jwk` of a proof, undefined for one that must not be believed: with a private member (RFC 9449 section 4.3,
 * check 7), for another algorithm or use than it says, or written in another way than the key itself would be. Untrusted input.
 */
export function readProofKey(jwk: JsonObject, algorithm: JwsAlgorithm): KeyObject | undefined {
  if (privateMembers.some((name) => Object.hasOwn(jwk, name))) return undefined
  const { alg, use, key_ops: operations } = jwk
  if (alg !== undefined && alg !== algorithm && !(alg === 'Ed25519' && algorithm === 'EdDSA')) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const key = importPublicKey(jwk, algorithm)
  if (key === undefined) return undefined
  const exported: unknown = key.export({ format: 'jwk' })
  // A second spelling of a key would have a second thumbprint with whoever takes it from the text.
  return isJsonObject(exported) && publicMembers.every((name) => jwk[name] === exported[name]) ? key : undefined
}
