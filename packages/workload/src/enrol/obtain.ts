import {
  isJsonObject,
  manifestDigest,
  type BootFile,
  type EnrolmentKind,
  type EnrolRequest,
  type JsonObject,
  type ManifestDocument,
} from '@pop-api/protocol'
import { exchangeJson } from '../http/exchange.ts'
import { persist } from '../http/wait.ts'
import { WorkloadError } from '../workload-error.ts'
import { fetchRoot } from './anchor.ts'
import { parseGrant, readGrant, stillHold, writeGrant, type Credentials } from './credentials.ts'
import { openKeys, requestFor, type WorkloadKeys } from './keys.ts'
import { parseEnrolmentToken } from './token.ts'

/** What a process wants to become. A module shows its manifest. */
export interface EnrolmentRole {
  readonly kind: EnrolmentKind
  readonly manifest?: ManifestDocument
}

export interface ObtainOptions {
  readonly nowMs: () => number
  /** 0 ≤ x < 1 */
  readonly random: () => number
  /** How long control may be away before the start fails. */
  readonly patienceMs: number
}

/** Keys and what control granted for them. */
export interface Obtained {
  readonly keys: WorkloadKeys
  readonly credentials: Credentials
  /** Of the manifest that control knows; empty without one. A module whose manifest is another renews at once. */
  readonly manifestDigest: string
}

/**
 * The credentials kept in the process's home if they still hold and are of the anchored root; else enrols with the token.
 * Throws `root-mismatch`, `credentials-invalid`, the PopError of a refusal, `control-unavailable` once patience is at its end.
 */
export async function obtainCredentials(
  boot: BootFile,
  role: EnrolmentRole,
  options: ObtainOptions,
): Promise<Obtained> {
  const keys = await openKeys(boot.home, role.kind)
  const kept = await keptCredentials(boot, role, keys, options.nowMs())
  return kept ?? (await enrol(boot, role, keys, options))
}

async function keptCredentials(
  boot: BootFile,
  role: EnrolmentRole,
  keys: WorkloadKeys,
  nowMs: number,
): Promise<Obtained | undefined> {
  const grant = await readGrant(boot.home)
  if (grant === undefined || grant.rootSpkiSha256 !== boot.anchor.root_spki_sha256) return undefined
  // Where control listens is no part of what was granted; who answers there must show control's certificate all the same.
  const granted = boot.control === undefined ? grant.granted : { ...grant.granted, control: boot.control }
  try {
    const credentials = parseGrant(granted, role.kind, keys, grant.obtainedMs)
    return stillHold(credentials, nowMs) ? { keys, credentials, manifestDigest: grant.manifestDigest } : undefined
  } catch (error) {
    // Kept credentials that are not for these keys are as good as none: with a token the process enrols anew.
    if (error instanceof WorkloadError && error.code === 'credentials-invalid') return undefined
    throw error
  }
}

async function enrol(
  boot: BootFile,
  role: EnrolmentRole,
  keys: WorkloadKeys,
  { nowMs, random, patienceMs }: ObtainOptions,
): Promise<Obtained> {
  const rootSpkiSha256 = boot.anchor.root_spki_sha256
  const token = usableToken(boot, rootSpkiSha256)
  const body: EnrolRequest = { token, ...requestFor(keys, role.manifest) }
  const granted = await persist(
    async () => {
      const root = await fetchRoot(boot.admin, rootSpkiSha256)
      const tls = { ca: root, minVersion: 'TLSv1.3' } as const
      return expectObject(await exchangeJson({ method: 'POST', url: `${boot.admin}/enrol`, tls, body }))
    },
    patienceMs,
    random,
  )
  const obtainedMs = nowMs()
  const credentials = parseGrant(granted, role.kind, keys, obtainedMs)
  const digest = role.manifest === undefined ? '' : manifestDigest(role.manifest)
  await writeGrant(boot.home, { granted, obtainedMs, rootSpkiSha256, manifestDigest: digest })
  return { keys, credentials, manifestDigest: digest }
}

function usableToken(boot: BootFile, rootSpkiSha256: string): string {
  if (boot.token === undefined) {
    throw new WorkloadError('credentials-invalid', `${boot.name} has no credentials that hold and was given no token.`)
  }
  if (parseEnrolmentToken(boot.token)?.rootSpkiSha256 !== rootSpkiSha256) {
    throw new WorkloadError('root-mismatch', 'The enrolment token is of another root than the boot file.')
  }
  return boot.token
}

/** Control's answer as an object. Throws `control-unreadable`. */
export function expectObject(value: unknown): JsonObject {
  if (isJsonObject(value)) return value
  throw new WorkloadError('control-unreadable', 'Control answered with something that is not a JSON object.')
}
