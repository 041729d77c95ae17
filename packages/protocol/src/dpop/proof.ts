import { hash } from 'node:crypto'
import { decodeBase64url } from '../encoding/base64url.ts'
import { isCount, isJsonObject, isPlainText, type JsonObject } from '../encoding/shape.ts'
import { verifyText, type JwsAlgorithm } from '../jws/algorithm.ts'
import { decodeObject, splitCompact } from '../jws/compact.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { readProofKey } from './proof-key.ts'
import { normalTargetUri } from './target-uri.ts'
import { thumbprintOf } from './thumbprint.ts'

/** `typ` of a proof (RFC 9449 section 4.2). */
export const proofType = 'dpop+jwt'

/** How old a proof may be, in seconds: as long as its `jti` has to be remembered. */
export const proofAgeSecondsMax = 60
/** How far a client's clock may be ahead of ours, in seconds. */
export const proofAheadSecondsMax = 5

/** A proof with an RSA key of 8,192 bits is shorter. */
const proofCharactersMax = 6144
const idCharactersMax = 128

/**
 * `alg` of a proof → the algorithm. ES256, because every client has it, browsers with keys that nobody can read out included;
 * EdDSA, and its present name Ed25519 (RFC 9864); PS256, and RS256 for keys in hardware that knows nothing newer. Longer hashes
 * add nothing to a signature that lives a minute.
 */
const proofAlgorithms: ReadonlyMap<unknown, JwsAlgorithm> = new Map<unknown, JwsAlgorithm>([
  ['ES256', 'ES256'],
  ['Ed25519', 'EdDSA'],
  ['EdDSA', 'EdDSA'],
  ['PS256', 'PS256'],
  ['RS256', 'RS256'],
])

/** The values of `alg` that a proof may have, for `dpop_signing_alg_values_supported` and the `algs` of a challenge. */
export const proofAlgorithmNames: readonly string[] = [...proofAlgorithms.keys()].map(String)

/** Headers that bring a key or rules beside `jwk`. `kid` brings none, and is not looked at. */
const forbiddenHeaders = ['jku', 'x5u', 'x5c', 'crit', 'b64'] as const

/** What a proof must be about. */
export interface ProofExpectations {
  readonly method: string
  /** `https://host[:port]/path` of the request, already as `normalTargetUri` writes it. */
  readonly uri: string
  /** The access token, exactly as it was presented. */
  readonly token: string
  /** `cnf.jkt` of that token: the thumbprint of the key that it is bound to. */
  readonly thumbprint: string
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** A proof that holds. Whether it was seen before is for the receiver to say, by `thumbprint` and `jti`. */
export interface VerifiedProof {
  readonly jti: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly thumbprint: string
}

/**
 * Verifies a DPoP proof for a protected resource (RFC 9449 section 4.3): all but check 1, that there is one field `DPoP`, which is
 * for whoever sees the raw fields, and the replay of a `jti`. Refuses with `proof-invalid`. Untrusted input.
 */
export function verifyDpopProof(proof: string, expected: ProofExpectations): Verdict<VerifiedProof> {
  // Checks 2, 4, 5, 6 and 7: a JWS that the key of the token verifies.
  const read = readSigned(proof, expected.thumbprint)
  if (!read.ok) return read
  const claims = read.value
  const { jti, htm, htu, ath } = claims
  // Check 3.
  if (!isPlainText(jti, idCharactersMax)) return invalid(`jti must be a text of 1 to ${idCharactersMax} characters`)
  // Check 8.
  if (htm !== expected.method) return invalid(`htm must be ${expected.method}, the method of the request`)
  // Check 9.
  if (typeof htu !== 'string' || normalTargetUri(htu) !== expected.uri)
    return invalid(`htu must be ${expected.uri}, the address of the request`)
  // Check 10 is of nonces, of which we give none out. Check 11.
  const iat = readTime(claims, expected.nowMs)
  if (!iat.ok) return iat
  // Check 12.
  if (ath !== hash('sha256', expected.token, 'base64url'))
    return invalid('ath must be the SHA-256 of the access token as it was sent, in base64url')
  return accepted({ jti, iat: iat.value, thumbprint: expected.thumbprint })
}

function readSigned(proof: string, thumbprint: string): Verdict<JsonObject> {
  const parts = splitCompact(proof, proofCharactersMax)
  if (!parts.ok) return invalid('it must be one compact JWS')
  const { headerEnd, claimsEnd } = parts.value
  const header = decodeObject(proof.slice(0, headerEnd))
  if (header === undefined) return invalid('its header must be one strict JSON object')
  const { typ, alg, jwk } = header
  if (typeof typ !== 'string' || typ.toLowerCase() !== proofType) return invalid(`typ must be ${proofType}`)
  const odd = forbiddenHeaders.find((name) => Object.hasOwn(header, name))
  if (odd !== undefined) return invalid(`its header may not have ${odd}`)
  const algorithm = proofAlgorithms.get(alg)
  if (algorithm === undefined) return invalid(`alg must be one of ${proofAlgorithmNames.join(', ')}`)
  const key = isJsonObject(jwk) ? readProofKey(jwk, algorithm) : undefined
  if (key === undefined)
    return invalid('jwk must be one public key for alg, in its one spelling and without private members')
  // Check 12, second half, before a key of somebody else can make us calculate.
  if (thumbprintOf(key) !== thumbprint) return invalid('the token is bound to another key than that of the proof')
  const signature = decodeBase64url(proof.slice(claimsEnd + 1))
  if (signature === undefined || !verifyText(algorithm, key, proof.slice(0, claimsEnd), signature))
    return invalid('its signature does not verify with its jwk')
  const claims = decodeObject(proof.slice(headerEnd + 1, claimsEnd))
  if (claims === undefined) return invalid('its claims must be one strict JSON object')
  return accepted(claims)
}

/** `iat` within its window; `exp` and `nbf` hold where somebody sets them (RFC 7519 section 4.1). */
function readTime({ iat, exp, nbf }: JsonObject, nowMs: number): Verdict<number> {
  if (!isCount(iat)) return invalid('iat must be a whole number of seconds')
  if ((iat + proofAgeSecondsMax) * 1000 <= nowMs) return invalid(`iat is more than ${proofAgeSecondsMax} seconds ago`)
  const aheadMs = nowMs + proofAheadSecondsMax * 1000
  if (iat * 1000 > aheadMs) return invalid(`iat is more than ${proofAheadSecondsMax} seconds ahead: check your clock`)
  if (exp !== undefined && (!isCount(exp) || exp * 1000 <= nowMs)) return invalid('exp is past')
  if (nbf !== undefined && (!isCount(nbf) || nbf * 1000 > aheadMs)) return invalid('nbf is not reached')
  return accepted(iat)
}

function invalid(fault: string): ReturnType<typeof refused> {
  return refused('proof-invalid', `The DPoP proof is not valid: ${fault}.`)
}
