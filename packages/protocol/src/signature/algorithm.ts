import { constants, createHmac, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto'

/** Algorithms of RFC 9421, section 3.3, that this implementation knows. */
export type SignatureAlgorithm = 'rsa-pss-sha512' | 'rsa-v1_5-sha256' | 'ecdsa-p256-sha256' | 'ed25519' | 'hmac-sha256'

/** Signs a signature base. Throws a TypeError if the key is not one for the algorithm. */
export function signBase(algorithm: SignatureAlgorithm, key: KeyObject, base: string): Buffer {
  if (!keyFits(algorithm, key)) throw new TypeError(`The key is not one for ${algorithm}.`)
  const bytes = Buffer.from(base, 'latin1')
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
    case 'rsa-pss-sha512':
      return sign('sha512', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 })
    case 'rsa-v1_5-sha256':
      return sign('sha256', bytes, key)
    case 'ed25519':
      return sign(null, bytes, key)
    default: // hmac-sha256, the only one left
      return createHmac('sha256', key).update(bytes).digest()
  }
}

/** True if the signature over the base is the key's; false also for a key that is not one for the algorithm. */
export function verifyBase(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  base: string,
  signature: Uint8Array,
): boolean {
  if (!keyFits(algorithm, key)) return false
  const bytes = Buffer.from(base, 'latin1')
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return signature.length === 64 && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'rsa-pss-sha512':
      return verify('sha512', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }, signature)
    case 'rsa-v1_5-sha256':
      return verify('sha256', bytes, key, signature)
    case 'ed25519':
      return signature.length === 64 && verify(null, bytes, key, signature)
    default: // hmac-sha256, the only one left
      return signature.length === 32 && timingSafeEqual(signBase(algorithm, key, base), signature)
  }
}

function keyFits(algorithm: SignatureAlgorithm, key: KeyObject): boolean {
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return isP256(key)
    case 'rsa-pss-sha512':
      return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss'
    case 'rsa-v1_5-sha256':
      return key.asymmetricKeyType === 'rsa'
    case 'ed25519':
      return key.asymmetricKeyType === 'ed25519'
    default: // hmac-sha256, the only one left
      return key.type === 'secret'
  }
}

/** Node reads the details of a key anew each time it is asked; a key never changes. */
const onP256 = new WeakMap<KeyObject, boolean>()

function isP256(key: KeyObject): boolean {
  const known = onP256.get(key)
  if (known !== undefined) return known
  const is = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  onP256.set(key, is)
  return is
}
