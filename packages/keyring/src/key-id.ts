import { createPublicKey, hash, type KeyObject } from 'node:crypto'

/**
 * The id of a P-256 key, the same for its private and its public half: its JWK thumbprint (RFC 7638 section 3), base64url of
 * SHA-256. Throws a RangeError for another kind of key.
 */
export function keyIdOf(key: KeyObject): string {
  const { crv, kty, x, y } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  if (kty !== 'EC' || crv !== 'P-256') throw new RangeError('Only a P-256 key has an id here.')
  // RFC 7638 section 3.2: exactly these members in this order.
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url')
}

/** Lower-case hex of SHA-256 over the DER SubjectPublicKeyInfo: what a newcomer pins of a root (interfaces.md). */
export function spkiSha256Of(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex')
}
