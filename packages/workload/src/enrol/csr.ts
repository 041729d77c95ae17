import { createPublicKey, sign, type KeyObject } from 'node:crypto'

/** `1.2.840.10045.4.3.2`, ecdsa-with-SHA256, as a complete AlgorithmIdentifier (RFC 5758 section 3.2). */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
const versionZero = Buffer.from('020100', 'hex')
const emptyName = Buffer.from('3000', 'hex')
const noAttributes = Buffer.from('a000', 'hex')

/**
 * A PKCS#10 request (RFC 2986) in PEM that proves possession of a P-256 private key and asks for nothing else: control decides
 * every name, so the subject is empty and there are no attributes.
 */
export function makeCsr(privateKey: KeyObject): string {
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new RangeError('A certificate request is made with a P-256 key.')
  }
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const info = element(0x30, Buffer.concat([versionZero, emptyName, spki, noAttributes]))
  const signature = sign('sha256', info, privateKey)
  const bits = element(0x03, Buffer.concat([Buffer.of(0), signature]))
  const request = element(0x30, Buffer.concat([info, ecdsaWithSha256, bits]))
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

/** DER tag, length, value (X.690 section 8.1); 64 KiB are never reached here. */
function element(tag: number, value: Buffer): Buffer {
  const { length } = value
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), value])
}
