import { createPublicKey, type KeyObject } from 'node:crypto'
import { PopError } from '@pop-api/protocol'
import { x509 } from './x509.ts'

/** The public key of a PKCS#10 request; undefined for none. Its proof is checked when it is used. Throws `enrolment-refused`. */
export function csrKey(csr: unknown): KeyObject | undefined {
  if (csr === undefined) return undefined
  try {
    if (typeof csr !== 'string' || csr.length > 8192) throw new TypeError('not a PEM text')
    const { rawData } = new x509.Pkcs10CertificateRequest(csr).publicKey
    return createPublicKey({ key: Buffer.from(rawData), type: 'spki', format: 'der' })
  } catch (cause) {
    throw new PopError('enrolment-refused', 'The certificate request cannot be read.', { cause })
  }
}
