import { X509Certificate, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { readSecretFile, writeSecretFile } from '@pop-api/keyring'
import {
  importKeyRecord,
  isCount,
  isJsonObject,
  isPlainText,
  parseSpiffeId,
  parseStrictJson,
  type EnrolmentKind,
  type JsonObject,
  type KeyRecord,
} from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'
import type { WorkloadKeys } from './keys.ts'

/** What control granted, checked against our own keys. Certificates are PEM; times in ms since 1970. */
export interface Credentials {
  /** Members of the mesh only. */
  readonly membership?: {
    readonly spiffeId: string
    readonly certificate: string
    readonly wit: string
    readonly roots: readonly string[]
  }
  readonly publicCertificate?: string
  readonly apiKey?: string
  readonly bulletinKey: KeyRecord
  readonly control: string
  /** From when to when they hold: the earliest end of all certificates. */
  readonly obtainedMs: number
  readonly endMs: number
}

/** The file that a workload keeps: the answer of control as it came, and what it was given for. */
export interface StoredGrant {
  readonly granted: JsonObject
  readonly obtainedMs: number
  readonly rootSpkiSha256: string
  readonly manifestDigest: string
}

const fileName = 'credentials.json'

/** Writes the grant to `<home>/credentials.json`, 0600, whole or not at all. */
export async function writeGrant(home: string, grant: StoredGrant): Promise<void> {
  await writeSecretFile(join(home, fileName), JSON.stringify({ version: 1, ...grant }))
}

/** The stored grant; undefined when there is none or it was not written by this version. */
export async function readGrant(home: string): Promise<StoredGrant | undefined> {
  const content = await readSecretFile(join(home, fileName), 1024 * 1024)
  if (content === undefined) return undefined
  const parsed = parseStrictJson(content.toString('utf8'))
  if (!parsed.ok || !isJsonObject(parsed.value) || parsed.value['version'] !== 1) return undefined
  const { granted, obtainedMs, rootSpkiSha256, manifestDigest } = parsed.value
  if (!isJsonObject(granted) || !isCount(obtainedMs)) return undefined
  if (typeof rootSpkiSha256 !== 'string' || typeof manifestDigest !== 'string') return undefined
  return { granted, obtainedMs, rootSpkiSha256, manifestDigest }
}

/**
 * Reads what control granted. Throws `credentials-invalid` for a grant that is not for these keys and this kind: a certificate of
 * another key, of another kind of workload, of a root that is not among the mesh roots, or a member that is missing.
 */
export function parseGrant(
  granted: JsonObject,
  kind: EnrolmentKind,
  keys: WorkloadKeys,
  obtainedMs: number,
): Credentials {
  const { control, bulletin_jwk: jwk, api_key: apiKey } = granted
  const bulletinKey = importKeyRecord(jwk)
  if (bulletinKey?.alg !== 'ES256') throw invalid('bulletin_jwk')
  if (typeof control !== 'string' || !/^https:\/\/[^/?#@]+$/.test(control)) throw invalid('control')
  if (kind === 'module' && !isPlainText(apiKey, 256)) throw invalid('api_key')
  const membership = kind === 'issuer' ? undefined : parseMembership(granted, kind, keys.mesh)
  const publicCertificate = kind === 'module' ? undefined : parsePublic(granted, keys.public)
  const ends = [membership?.certificate, publicCertificate].filter((pem) => pem !== undefined).map(endOf)
  return {
    bulletinKey,
    control,
    obtainedMs,
    endMs: Math.min(...ends),
    ...(isPlainText(apiKey, 256) ? { apiKey } : {}),
    ...(membership === undefined ? {} : { membership }),
    ...(publicCertificate === undefined ? {} : { publicCertificate }),
  }
}

/** True while more than a tenth of their life is left: enough to start and to renew. */
export function stillHold({ obtainedMs, endMs }: Credentials, nowMs: number): boolean {
  return endMs - nowMs > (endMs - obtainedMs) / 10
}

function parseMembership(granted: JsonObject, kind: EnrolmentKind, key: KeyObject | undefined) {
  const { spiffe_id: spiffeId, wit, mesh_roots: roots } = granted
  if (typeof spiffeId !== 'string' || parseSpiffeId(spiffeId)?.kind !== kind) throw invalid('spiffe_id')
  if (!isPlainText(wit, 8192)) throw invalid('wit')
  if (!isRootList(roots)) throw invalid('mesh_roots')
  const certificate = parseCertificate(granted['certificate'], key, 'certificate')
  if (certificate.subjectAltName !== `URI:${spiffeId}`) throw invalid('certificate')
  const issued = roots.some((root) => {
    const issuer = readCertificate(root)
    return issuer !== undefined && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  })
  if (!issued) throw invalid('mesh_roots')
  return { spiffeId, wit, roots, certificate: certificate.toString() }
}

function parsePublic(granted: JsonObject, key: KeyObject | undefined): string {
  return parseCertificate(granted['public_certificate'], key, 'public_certificate').toString()
}

function parseCertificate(pem: unknown, key: KeyObject | undefined, member: string): X509Certificate {
  const certificate = typeof pem === 'string' ? readCertificate(pem) : undefined
  if (certificate === undefined || key === undefined || !certificate.checkPrivateKey(key)) throw invalid(member)
  return certificate
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    // OpenSSL's message says nothing that the caller's own refusal does not say.
    return undefined
  }
}

function isRootList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.length <= 16 && value.every((root) => typeof root === 'string')
  )
}

function endOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime()
}

function invalid(member: string): WorkloadError {
  return new WorkloadError(
    'credentials-invalid',
    `Control granted no usable "${member}" for the keys of this workload.`,
  )
}
