import { hash, type KeyObject } from 'node:crypto'

/** Members of a public key in the order of their names, as RFC 7638 section 3.2 and RFC 8037 section 2 name them. */
const thumbprintMembers: Readonly<Record<string, readonly ('crv' | 'e' | 'kty' | 'n' | 'x' | 'y')[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

const thumbprintShape = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/**
 * The RFC 7638 thumbprint of a public key: base64url of SHA-256 over its canonical JWK, which is made from the key itself, so that
 * one key has one thumbprint however somebody wrote it. Throws a TypeError for a key that has no JWK, or is secret.
 */
export function thumbprintOf(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  const members = thumbprintMembers[jwk.kty ?? '']
  if (members === undefined) throw new TypeError('A thumbprint is of an EC, OKP or RSA public key.')
  return hash('sha256', JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]]))), 'base64url')
}

/** True for a text that can be a SHA-256 thumbprint: 43 characters of base64url in their one spelling. */
export function isThumbprint(value: unknown): value is string {
  return typeof value === 'string' && thumbprintShape.test(value)
}
