import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { keyFile } from '@pop-api/keyring'
import type { KeyRecord } from '@pop-api/protocol'

/** The key of access tokens in the two forms that are needed. Both have the same `kid`. */
export interface SigningKey {
  readonly privateJwk: object
  readonly record: KeyRecord
}

/**
 * The RS256 key kept as `<home>/signing-key.pem` (0600), made at the first start. To replace it, move the file away and start
 * anew: tokens of the old key are then refused. Throws a KeyringError for a file that is exposed or no such key.
 */
export async function loadSigningKey(home: string): Promise<SigningKey> {
  const privateKey = await keyFile(join(home, 'signing-key.pem'), 'rsa-2048')
  const publicKey = createPublicKey(privateKey)
  const kid = thumbprintOf(publicKey)
  return {
    privateJwk: { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' },
    record: { kid, alg: 'RS256', key: publicKey },
  }
}

function thumbprintOf(publicKey: KeyObject): string {
  const { e, kty, n } = publicKey.export({ format: 'jwk' })
  // RFC 7638 section 3.2: exactly these members of an RSA key in this order.
  return hash('sha256', JSON.stringify({ e, kty, n }), 'base64url')
}
