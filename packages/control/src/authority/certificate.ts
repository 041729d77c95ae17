import { createPublicKey, randomBytes, X509Certificate, type KeyObject } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
} from './x509.ts'

/** A certificate authority: its certificate in PEM, and the private key that signs. */
export interface Authority {
  readonly certificate: string
  readonly privateKey: KeyObject
}

/** DNS names and IP addresses of a public listener. */
export interface PublicNames {
  readonly dns: readonly string[]
  readonly ip: readonly string[]
}

/** From when to when, in ms since 1970. X.509 counts whole seconds. */
export interface Validity {
  readonly fromMs: number
  readonly toMs: number
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

/** A root that signs leaves and nothing else: path length 0. */
export async function makeRoot(name: string, privateKey: KeyObject, validity: Validity): Promise<string> {
  const publicKey = cryptoKey(createPublicKey(privateKey), 'verify')
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys: { privateKey: cryptoKey(privateKey, 'sign'), publicKey },
    signingAlgorithm,
    serialNumber: newSerial(),
    ...datesOf(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return pemOf(certificate.rawData)
}

/** A certificate of the mesh: its only name is the SPIFFE ID; EKU client and server (wire.md, certificate). */
export async function issueMesh(
  mesh: Authority,
  key: KeyObject,
  spiffeId: string,
  validity: Validity,
): Promise<string> {
  return await issueLeaf(mesh, key, validity, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    // Critical, as the subject is empty (RFC 5280 section 4.2.1.6).
    new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }], true),
  ])
}

/** A certificate of a public listener: serverAuth only, so that it opens nothing inside the mesh. */
export async function issuePublic(
  authority: Authority,
  key: KeyObject,
  names: PublicNames,
  validity: Validity,
): Promise<string> {
  const all = [
    ...names.dns.map((value) => ({ type: 'dns', value }) as const),
    ...names.ip.map((value) => ({ type: 'ip', value }) as const),
  ]
  return await issueLeaf(authority, key, validity, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(all, true),
  ])
}

async function issueLeaf(
  authority: Authority,
  key: KeyObject,
  validity: Validity,
  extensions: readonly Extension[],
): Promise<string> {
  const publicKey = cryptoKey(key, 'verify')
  const issuer = new X509Certificate(authority.certificate)
  const certificate = await X509CertificateGenerator.create({
    subject: '',
    issuer: issuer.subject.replaceAll('\n', ', '),
    publicKey,
    signingKey: cryptoKey(authority.privateKey, 'sign'),
    signingAlgorithm,
    serialNumber: newSerial(),
    ...datesOf(validity),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(cryptoKey(issuer.publicKey, 'verify')),
      ...extensions,
    ],
  })
  return pemOf(certificate.rawData)
}

function cryptoKey(key: KeyObject, usage: 'sign' | 'verify') {
  return key.toCryptoKey(algorithm, usage === 'verify', [usage])
}

function datesOf({ fromMs, toMs }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(fromMs), notAfter: new Date(toMs) }
}

/** 127 random bits, positive and never short (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function pemOf(der: ArrayBuffer): string {
  return new X509Certificate(Buffer.from(der)).toString()
}
