import { createPublicKey, type KeyObject } from 'node:crypto'
import { PopError } from '@pop-api/protocol'
import { Pkcs10CertificateRequest } from './x509.ts'

const charactersMax = 4096
const requestShape = /^-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE REQUEST-----\s*$/

/**
 * The public key of a PKCS#10 request (RFC 2986), once it has proved that its sender holds the private half. Only P-256 with
 * SHA-256. Names and extensions that it asks for are never read: control decides them. Throws `enrolment-refused`. Untrusted input.
 */
export async function provenKeyOf(pem: unknown, member: string): Promise<KeyObject> {
  if (typeof pem !== 'string' || pem.length > charactersMax || !requestShape.test(pem)) {
    throw new PopError('enrolment-refused', `"${member}" must be one certificate request in PEM.`)
  }
  const request = parseRequest(pem, member)
  const key = importKey(request, member)
  const { signatureAlgorithm } = request
  const isUsual = nameOf(signatureAlgorithm) === 'ECDSA' && nameOf(signatureAlgorithm.hash) === 'SHA-256'
  if (!isUsual || !(await isSigned(request)))
    throw new PopError('enrolment-refused', `"${member}" does not prove possession of its key.`)
  return key
}

function parseRequest(pem: string, member: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(pem)
  } catch (cause) {
    throw new PopError('enrolment-refused', `"${member}" is not a certificate request.`, { cause })
  }
}

function importKey(request: Pkcs10CertificateRequest, member: string): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch (cause) {
    throw new PopError('enrolment-refused', `The key of "${member}" cannot be read.`, { cause })
  }
  throw new PopError('enrolment-refused', `The key of "${member}" must be of the curve P-256.`)
}

async function isSigned(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify()
  } catch {
    // The library throws for signatures that it cannot even parse; those prove nothing either.
    return false
  }
}

/** The type of the library's algorithms comes from browsers and is not known here. */
function nameOf(algorithm: object): unknown {
  return 'name' in algorithm ? algorithm.name : undefined
}
