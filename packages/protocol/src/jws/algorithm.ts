import { constants, sign, verify, type KeyObject } from 'node:crypto'

/** How Node spells a JWS algorithm (RFC 7518 section 3.1, RFC 8037), and which keys may use it. */
interface AlgorithmRule {
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null
  readonly keyType: 'rsa' | 'ec' | 'ed25519'
  /** OpenSSL's name of the curve. */
  readonly curve?: string
  readonly pss?: true
  /** Length of a signature; of an RSA signature the length of the modulus counts. */
  readonly signatureBytes?: number
}

/** Asymmetric algorithms alone: with no `HS…` in the table a public key can never be taken for a secret. */
const algorithmRules = {
  RS256: { hash: 'sha256', keyType: 'rsa' },
  RS384: { hash: 'sha384', keyType: 'rsa' },
  RS512: { hash: 'sha512', keyType: 'rsa' },
  PS256: { hash: 'sha256', keyType: 'rsa', pss: true },
  ES256: { hash: 'sha256', keyType: 'ec', curve: 'prime256v1', signatureBytes: 64 },
  ES384: { hash: 'sha384', keyType: 'ec', curve: 'secp384r1', signatureBytes: 96 },
  EdDSA: { hash: null, keyType: 'ed25519', signatureBytes: 64 },
} as const satisfies Record<string, AlgorithmRule>

export type JwsAlgorithm = keyof typeof algorithmRules

export function isJwsAlgorithm(text: unknown): text is JwsAlgorithm {
  return typeof text === 'string' && Object.hasOwn(algorithmRules, text)
}

const rsaBitsMin = 2048
const rsaBitsMax = 8192

/** True if the key is of the type, curve and size that the algorithm takes. */
export function keyFits(algorithm: JwsAlgorithm, key: KeyObject): boolean {
  const rule: AlgorithmRule = algorithmRules[algorithm]
  if (key.asymmetricKeyType !== rule.keyType) return false
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (rule.keyType === 'rsa') return bits >= rsaBitsMin && bits <= rsaBitsMax
  return rule.curve === undefined || key.asymmetricKeyDetails?.namedCurve === rule.curve
}

/** Signs the ASCII text `header.claims`. The key must fit the algorithm (`keyFits`). */
export function signText(algorithm: JwsAlgorithm, privateKey: KeyObject, text: string): Buffer {
  const rule: AlgorithmRule = algorithmRules[algorithm]
  return sign(rule.hash, Buffer.from(text, 'latin1'), keyInput(rule, privateKey))
}

/** True if the signature over the ASCII text is the key's. The key must fit the algorithm (`keyFits`). */
export function verifyText(
  algorithm: JwsAlgorithm,
  publicKey: KeyObject,
  text: string,
  signature: Uint8Array,
): boolean {
  const rule: AlgorithmRule = algorithmRules[algorithm]
  if (rule.signatureBytes !== undefined && signature.length !== rule.signatureBytes) return false
  return verify(rule.hash, Buffer.from(text, 'latin1'), keyInput(rule, publicKey), signature)
}

function keyInput(rule: AlgorithmRule, key: KeyObject): Parameters<typeof verify>[2] & Parameters<typeof sign>[2] {
  if (rule.keyType === 'ec') return { key, dsaEncoding: 'ieee-p1363' }
  // RFC 7518 section 3.5: the salt is as long as the hash.
  if (rule.pss === true)
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return key
}
