import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import {
  manifestDigest,
  parseSpiffeId,
  PopError,
  type BootFile,
  type InstanceReport,
  type JsonObject,
  type ManifestDocument,
  type TrustSection,
  type WorkloadId,
} from '@pop-api/protocol'
import { linkToControl, type ControlLink } from '../bulletin/control-link.ts'
import { followBulletin } from '../bulletin/follow.ts'
import type { Bulletin } from '../bulletin/shown-view.ts'
import { parseGrant, writeGrant, type Credentials } from '../enrol/credentials.ts'
import { requestFor, type WorkloadKeys } from '../enrol/keys.ts'
import { obtainCredentials } from '../enrol/obtain.ts'
import type { MeshIdentity } from '../mesh/tls.ts'
import { WorkloadError } from '../workload-error.ts'
import { keepRenewing } from './renewal.ts'

/** What can be told to `joinGateway` and `joinModule`; each has a default. */
export interface JoinOptions {
  /** Told of every fault that is tried again (renewal, bulletin): for logs. Default: a line of JSON on standard error. */
  readonly onProblem?: (problem: unknown) => void
  /** How long control may be away before the start fails; default 60 000. */
  readonly patienceMs?: number
  readonly nowMs?: () => number
  /** 0 ≤ x < 1 */
  readonly random?: () => number
}

/** A process that is a member of the mesh. All getters give what is present: credentials are renewed while it runs. */
export interface Membership {
  readonly spiffeId: string
  readonly id: WorkloadId
  readonly mesh: () => MeshIdentity
  readonly credentials: () => { readonly wit: string; readonly messageKey: KeyObject }
  readonly bulletin: Bulletin
  /** Called after certificates, WIT or mesh roots changed; gives the way to stop. */
  readonly onRenew: (listener: () => void) => () => void
  /** Ends following and renewing; the last bulletin is on disk then. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A membership with what is only of use to the two kinds of it in `join.ts`. */
export interface OpenMembership extends Membership {
  readonly held: () => Held
  readonly link: ControlLink
}

interface Held {
  readonly keys: WorkloadKeys
  readonly credentials: Credentials
}

type Role = { readonly kind: 'gateway' } | { readonly kind: 'module'; readonly manifest: ManifestDocument }

/** Enrols or takes the kept credentials, renews them from then on, and follows the bulletin. */
export async function openMembership(boot: BootFile, role: Role, options: JoinOptions): Promise<OpenMembership> {
  const { nowMs = Date.now, random = Math.random, patienceMs = 60_000, onProblem = reportProblem } = options
  const obtained = await obtainCredentials(boot, role, { nowMs, random, patienceMs })
  const { keys } = obtained
  let { credentials } = obtained
  const { spiffeId } = membershipOf(credentials)
  const id = parseSpiffeId(spiffeId)
  if (id === undefined) throw new WorkloadError('credentials-invalid', `${spiffeId} is no SPIFFE ID.`)
  const privateKey = exportKey(keys.mesh)
  let roots = membershipOf(credentials).roots
  const mesh = (): MeshIdentity => ({ certificate: membershipOf(credentials).certificate, privateKey, roots })
  const link = linkToControl({ mesh }, credentials.control, id.domain)

  const listeners = new Set<() => void>()
  const renew = async (): Promise<Credentials> => {
    credentials = await renewCredentials(boot, role, { keys, credentials }, link, nowMs)
    for (const listener of listeners) listener()
    return credentials
  }
  const manifest = role.kind === 'module' ? role.manifest : undefined
  // A module that was changed since it enrolled shows control its new manifest before it serves.
  if (manifest !== undefined && obtained.manifestDigest !== manifestDigest(manifest)) await renew()

  await using opened = new AsyncDisposableStack()
  const stop = new AbortController()
  const renewing = keepRenewing(credentials, renew, { nowMs, random, onProblem }, stop.signal)
  opened.defer(async () => {
    stop.abort()
    await renewing
  })
  const audience = id.kind === 'module' ? `module:${id.module}` : 'gateways'
  const trust = { key: credentials.bulletinKey, audience }
  const file = join(boot.home, 'snapshot')
  const bulletin = opened.use(await followBulletin({ link, trust, file, nowMs, random, patienceMs, onProblem }))
  const followRoots = (): void => {
    roots = rootsOf(bulletin.section('trust')) ?? roots
  }
  followRoots()
  bulletin.onChange((section) => {
    if (section !== 'trust') return
    const before = roots
    followRoots()
    if (before.join() !== roots.join()) for (const listener of listeners) listener()
  })
  const running = opened.move()
  return {
    spiffeId,
    id,
    mesh,
    link,
    bulletin,
    held: () => ({ keys, credentials }),
    credentials: () => ({ wit: membershipOf(credentials).wit, messageKey: presentKey(keys.message) }),
    onRenew: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function renewCredentials(
  boot: BootFile,
  role: Role,
  { keys, credentials }: Held,
  link: ControlLink,
  nowMs: () => number,
): Promise<Credentials> {
  const manifest = role.kind === 'module' ? role.manifest : undefined
  const renewed = await link.renew(requestFor(keys, manifest))
  // Control does not make a new API key at renewal, so the present one is kept with what is new.
  const granted: JsonObject = credentials.apiKey === undefined ? renewed : { ...renewed, api_key: credentials.apiKey }
  const obtainedMs = nowMs()
  const next = parseGrant(granted, role.kind, keys, obtainedMs)
  if (next.membership?.spiffeId !== credentials.membership?.spiffeId) {
    throw new WorkloadError('credentials-invalid', 'Control renewed the identity of another workload.')
  }
  const grant = { granted, obtainedMs, rootSpkiSha256: boot.anchor.root_spki_sha256 }
  await writeGrant(boot.home, { ...grant, manifestDigest: manifest === undefined ? '' : manifestDigest(manifest) })
  // The bulletin key is pinned at enrolment: only a bulletin signed with it may replace it.
  return { ...next, bulletinKey: credentials.bulletinKey, control: credentials.control }
}

/** Tells control where this start of a module listens. Throws `workload-refused` unless both credentials name the module. */
export async function reportInstance({ held, link }: OpenMembership, report: InstanceReport): Promise<void> {
  const { apiKey } = held().credentials
  if (apiKey === undefined) throw new PopError('workload-refused', 'Only a module has instances.')
  await link.reportInstance(report, apiKey)
}

export function presentKey(key: KeyObject | undefined): KeyObject {
  if (key === undefined) throw new WorkloadError('credentials-invalid', 'This kind of workload does not have that key.')
  return key
}

export function exportKey(key: KeyObject | undefined): string {
  return presentKey(key).export({ type: 'pkcs8', format: 'pem' })
}

function membershipOf({ membership }: Credentials): NonNullable<Credentials['membership']> {
  if (membership !== undefined) return membership
  throw new WorkloadError('credentials-invalid', 'These credentials are of no member of the mesh.')
}

/** The authorities that the verified bulletin names; undefined before it names any. */
function rootsOf(trust: TrustSection | undefined): readonly string[] | undefined {
  const present = trust?.authorities.filter(({ state }) => state !== 'distrusted')
  return present === undefined || present.length === 0 ? undefined : present.map(({ certificate }) => certificate)
}

function reportProblem(problem: unknown): void {
  const text = problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem)
  process.stderr.write(`${JSON.stringify({ level: 'warn', message: 'control', problem: text })}\n`)
}
