import { createPrivateKey, createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { keyFile, readSecretFile, spkiSha256Of, writeSecretFile } from '@pop-api/keyring'
import { PopError } from '@pop-api/protocol'
import { x509 } from './x509.ts'

/** Who a certificate is for, decided by control alone: what a request says of names is not read. */
export type CertificateSubject =
  | { readonly kind: 'workload'; readonly spiffeId: string }
  | { readonly kind: 'public'; readonly dnsNames: readonly string[]; readonly addresses: readonly string[] }

export interface Authority {
  /** The root, PEM. */
  readonly root: string
  /** Lower-case hex: what a newcomer pins. */
  readonly rootSpkiSha256: string
  /**
   * Issues a certificate for the key of a PKCS#10 request, which must be P-256 and prove its possession. Throws
   * `enrolment-refused` otherwise.
   */
  readonly issue: (csr: string, subject: CertificateSubject, lifeMs: number) => Promise<string>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const rootLifeMs = 10 * 365 * 24 * 3_600_000
/** A certificate that begins a little earlier is good on a machine whose clock is behind. */
const backdateMs = 60_000

/** Opens the authority of a folder, or makes its key and root. A workload authority and a public one are two folders. */
export async function openAuthority(folder: string, name: string, nowMs: () => number): Promise<Authority> {
  const key = await keyFile(join(folder, 'root.key'), 'ec-p256')
  const signing = await cryptoKeys(key)
  const kept = await readSecretFile(join(folder, 'root.pem'))
  const root = kept?.toString('utf8') ?? (await makeRoot(signing, name, nowMs()))
  if (kept === undefined) await writeSecretFile(join(folder, 'root.pem'), root)
  const rootCertificate = new x509.X509Certificate(root)
  return {
    root,
    rootSpkiSha256: spkiSha256Of(createPublicKey(key)),
    async issue(csr, subject, lifeMs) {
      const publicKey = await provenKey(csr)
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        issuer: rootCertificate.subject,
        notBefore: new Date(nowMs() - backdateMs),
        notAfter: new Date(nowMs() + lifeMs),
        publicKey,
        signingKey: signing.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          ...(await subjectExtensions(subject, publicKey)),
        ],
      })
      return `${certificate.toString('pem')}\n`
    },
  }
}

async function makeRoot(keys: CryptoKeyPair, name: string, nowMs: number): Promise<string> {
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + rootLifeMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return `${root.toString('pem')}\n`
}

type CryptoKeyPair = { readonly privateKey: webcrypto.CryptoKey; readonly publicKey: webcrypto.CryptoKey }

async function cryptoKeys(key: KeyObject): Promise<CryptoKeyPair> {
  const { subtle } = webcrypto
  const pkcs8 = createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  }
}

async function provenKey(csr: string): Promise<webcrypto.CryptoKey> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr)
    const key = await request.publicKey.export(algorithm, ['verify'])
    if (await request.verify()) return key
  } catch (cause) {
    throw new PopError('enrolment-refused', 'The certificate request cannot be read, or is not of a P-256 key.', {
      cause,
    })
  }
  throw new PopError('enrolment-refused', 'The certificate request does not prove possession of its key.')
}

async function subjectExtensions(
  subject: CertificateSubject,
  key: webcrypto.CryptoKey,
): Promise<InstanceType<typeof x509.Extension>[]> {
  const identifier = await x509.SubjectKeyIdentifierExtension.create(key)
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  if (subject.kind === 'workload') {
    const name = new x509.SubjectAlternativeNameExtension([{ type: 'url', value: subject.spiffeId }], true)
    return [name, new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]), identifier]
  }
  const dns = subject.dnsNames.map((value) => ({ type: 'dns', value }) as const)
  const addresses = subject.addresses.map((value) => ({ type: 'ip', value }) as const)
  const name = new x509.SubjectAlternativeNameExtension([...dns, ...addresses], true)
  return [name, new x509.ExtendedKeyUsageExtension([serverAuth]), identifier]
}

/** 127 random bits: positive, and never guessed (CA/Browser Forum, 7.1). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
