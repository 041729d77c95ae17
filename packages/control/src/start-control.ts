import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { ensureSecretFolder, keyFile } from '@pop-api/keyring'
import { controlActions } from '@pop-api/audit'
import { formatSpiffeId, PopError, type BulletinPosition, type PolicySection } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { keepRenewing, meshServerOptions, type Life, type MeshIdentity } from '@pop-api/workload'
import { adminTls, createAdminListener, type AdminIdentity } from './admin/admin-listener.ts'
import { openAuthorities } from './authority/authority.ts'
import { issueMesh, issuePublic, type PublicNames } from './authority/certificate.ts'
import type { Followers } from './bulletin/applied.ts'
import { createPublisher, type Publisher } from './bulletin/bulletin.ts'
import { readPolicy, readSections, readTrust } from './bulletin/read-sections.ts'
import type { CertificateLives, EnrolmentContext } from './enrolment/context.ts'
import { issueToken, type TokenRequest } from './enrolment/tokens.ts'
import type { HandedContext } from './handed/handed.ts'
import { hasEnded, sweepRevocations } from './incident/revocation-desk.ts'
import { hasEndedUnlocks, sweepUnlocks } from './incident/unlock-desk.ts'
import type { FaultListener } from './listener/answer-problem.ts'
import { createControlListener } from './listener/control-listener.ts'
import { approveManifest } from './modules/modules.ts'
import { openControlLog, type ControlLog } from './record/control-log.ts'
import { askKeycloakOf } from './people/keycloak.ts'
import { startSessionEnder } from './people/session-ender.ts'
import { rightsBusy } from './people/keycloak-refusal.ts'
import { createTurns } from './turns.ts'
import { publishFile, type PublishedFile } from './settings/publish-file.ts'
import { settingsInForce } from './settings/settings-desk.ts'
import { openStore, type Store } from './store/store.ts'
import { createTestSigner } from './test-tokens/test-signer.ts'

export interface Listen {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

export interface ControlOptions {
  /** Absolute path of control's own folder: `state.db`, `keys/`, `audit/` and `refusals/` come to lie in it. */
  readonly home: string
  readonly listen: { readonly control: Listen; readonly admin: Listen }
  /** Trust domain, e.g. `pop.internal`. */
  readonly domain: string
  /** Node name of this control: `spiffe://<domain>/control/<name>`. */
  readonly name: string
  /** Part of every API key; letters a-z and digits. */
  readonly environment: string
  readonly policy: PolicySection
  /** What `pop.yaml` says; what was changed while running goes above it. */
  readonly settings: GatewaySettings
  /** Changed manifests are in force without an operator. Development only. */
  readonly approveAutomatically: boolean
  /** Default: mesh 24 h, public 90 days. */
  readonly lives?: CertificateLives
  /** Names in certificates of public listeners; default `localhost`, `127.0.0.1`, `::1`. */
  readonly publicNames?: PublicNames
  readonly nowMs?: () => number
  /** Told of everything that failed inside. Default: a line of JSON on standard error. */
  readonly onFault?: FaultListener
  /** Told of the settings in force, at the start and whenever they change. */
  readonly onSettings?: (settings: GatewaySettings) => void
}

/** A running control plane. */
export interface ControlHandle {
  readonly spiffeId: string
  /** `https://host:port` */
  readonly control: string
  readonly admin: string
  /** Public root, PEM: what clients trust. */
  readonly caPem: string
  /** Lower-case hex: what newcomers pin. */
  readonly rootSpkiSha256: string
  /** One use, 10 minutes. Throws a RangeError for a name that cannot be one. */
  readonly issueToken: (request: TokenRequest) => string
  /** Puts another `pop.yaml` in force, below what was changed while running. Resolves once it is recorded. */
  readonly publish: <S extends 'policy' | 'settings'>(section: S, value: PublishedFile[S]) => Promise<void>
  /** Puts a manifest that waits in force; false when none waits. Resolves once it is recorded. */
  readonly approveModule: (name: string) => Promise<boolean>
  /** What each follower last said that it applied, by SPIFFE ID. */
  readonly followers: ReadonlyMap<string, BulletinPosition & { readonly atMs: number }>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const hourMs = 3_600_000
const sweepMs = 60_000
const usualLives: CertificateLives = { meshMs: 24 * hourMs, publicMs: 90 * 24 * hourMs }
const usualNames: PublicNames = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] }

/**
 * Starts the control plane on its home: opens or makes keys, state and audit log, publishes policy and settings, listens. Rejects when
 * the home is open to others or in use, nothing can be recorded, a life is too long, or a port is taken. The caller disposes it.
 */
export async function startControl(options: ControlOptions): Promise<ControlHandle> {
  const { home, domain, listen, nowMs = Date.now, onFault = reportFault, lives = usualLives } = options
  if (lives.meshMs > usualLives.meshMs) throw new RangeError('A mesh certificate lives at most 24 hours.')
  await ensureSecretFolder(home)
  await using started = new AsyncDisposableStack()
  const store = started.use(openStore(join(home, 'state.db')))
  const authorities = await openAuthorities(home, store, nowMs())
  const log = started.use(await openControlLog({ home, nowMs, onFault: (fault) => onFault(fault, '-') }))
  const testSigner = createTestSigner()
  const sources = { store, authorities, domain, testSigner }
  const signer = authorities.bulletin
  let wakeSessionEnder = (): void => undefined
  const publisher = watchSettings(
    createPublisher({ store, signer, sections: () => readSections(sources), nowMs }),
    store,
    (settings, isAnother) => {
      wakeSessionEnder()
      if (isAnother) options.onSettings?.(settings)
    },
  )
  const desk = { store, publisher, log, onFault }
  await publishFile(desk, { policy: options.policy, settings: options.settings })
  const spiffeId = formatSpiffeId({ domain, kind: 'control', node: options.name })
  let control = ''
  const context: EnrolmentContext = {
    store,
    authorities,
    publisher,
    log,
    domain,
    spiffeId,
    lives,
    nowMs,
    environment: options.environment,
    approveAutomatically: options.approveAutomatically,
    publicNames: options.publicNames ?? usualNames,
    controlUrl: () => control,
  }
  const identity = await ownIdentity(home, context)
  const followers: Followers = new Map()
  const sections = { trust: () => readTrust(sources), policy: () => readPolicy(store) }
  const people = openPeople(home, { store, publisher, onFault, nowMs })
  wakeSessionEnder = started.use(people.sessionEnder).wake
  const handed = { store, publisher, log, testSigner, ...people, nowMs, ...sections }
  const server = createControlListener({ member: identity, context, followers, handed, onFault })
  const admin = createAdminListener(context, identity.admin(), onFault)
  control = await listening(server, listen.control)
  started.defer(() => closing(server))
  await admin.listen({ ...listen.admin })
  started.defer(() => admin.close())
  started.use(keepRenewed(identity, renewerOf(identity, server, admin.server), { nowMs, onFault }))
  sweepIncidents(handed)
  const timers = [setInterval(publisher.beat, 1_000), setInterval(() => sweepIncidents(handed), sweepMs)]
  started.defer(() => timers.forEach((timer) => clearInterval(timer)))
  const running = started.move()
  return {
    spiffeId,
    control,
    admin: urlOf(admin.server, listen.admin.host),
    caPem: authorities.publicCa.certificate,
    rootSpkiSha256: authorities.rootSpkiSha256,
    followers,
    issueToken: (request) => issueToken(store, request, authorities.rootSpkiSha256, nowMs()),
    publish: (section, value) => publishFile(desk, { [section]: value }),
    approveModule: (name) => approveModule(desk, name),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The way to the users of Keycloak, and what ends sessions there. The caller disposes the second. */
function openPeople(
  home: string,
  {
    store,
    publisher,
    onFault,
    nowMs,
  }: Pick<HandedContext, 'store' | 'publisher' | 'nowMs'> & { onFault: FaultListener },
) {
  const askKeycloak = askKeycloakOf({
    identity: () => settingsInForce(store).identity,
    secretFile: join(home, 'keycloak-client-secret'),
  })
  const failed = (failure: unknown): void => onFault(failure, '-')
  const options = { store, publisher, askKeycloak, failed, nowMs, random: Math.random }
  return { askKeycloak, takeRightsInTurn: createTurns(rightsBusy), sessionEnder: startSessionEnder(options) }
}

/** Removes revocations and unlocks that have ended, and tells followers where there were any. */
function sweepIncidents({ store, publisher, nowMs }: Pick<HandedContext, 'store' | 'publisher' | 'nowMs'>): void {
  const now = Math.floor(nowMs() / 1000)
  if (!hasEnded(store, now) && !hasEndedUnlocks(store, now * 1000)) return
  publisher.change(() => {
    sweepRevocations(store, now)
    sweepUnlocks(store, now * 1000)
  })
}

/** The same publisher; `tell` hears of each change, and whether the settings are others since. */
function watchSettings(
  publisher: Publisher,
  store: Store,
  tell: (settings: GatewaySettings, isAnother: boolean) => void,
): Publisher {
  let told = ''
  return {
    ...publisher,
    change: (work) => {
      const result = publisher.change(work)
      const settings = settingsInForce(store)
      const text = JSON.stringify(settings)
      const isAnother = text !== told
      told = text
      tell(settings, isAnother)
      return result
    },
  }
}

async function approveModule(
  { store, publisher, log }: { readonly store: Store; readonly publisher: Publisher; readonly log: ControlLog },
  name: string,
): Promise<boolean> {
  const event = { action: controlActions.approval, resource_id: name }
  try {
    const isApproved = publisher.change(() => approveManifest(store, name))
    const reason = isApproved ? 'in force from now on' : 'nothing waits'
    await log.record({ ...event, status: isApproved ? 'success' : 'refused', reason }, 'unknown')
    return isApproved
  } catch (failure) {
    if (failure instanceof PopError && failure.code === 'manifest-invalid')
      await log.record({ ...event, status: 'refused', reason: failure.message }, 'nothing')
    throw failure
  }
}

interface OwnIdentity {
  readonly mesh: () => MeshIdentity
  readonly admin: () => AdminIdentity
  readonly life: () => Life
  readonly renew: () => Promise<Life>
}

/** Control's own certificates: made at each start by its own authorities, and anew at half of their life. */
async function ownIdentity(home: string, context: EnrolmentContext): Promise<OwnIdentity> {
  const { authorities, spiffeId, lives, publicNames, nowMs } = context
  const meshKey = await keyFile(join(home, 'keys', 'mesh.pem'), 'ec-p256')
  const adminKey = await keyFile(join(home, 'keys', 'admin.pem'), 'ec-p256')
  const issue = async () => {
    const obtainedMs = nowMs()
    const endMs = obtainedMs + Math.min(lives.meshMs, lives.publicMs)
    const validity = { fromMs: obtainedMs - 60_000, toMs: endMs }
    const mesh = await issueMesh(authorities.meshCa, createPublicKey(meshKey), spiffeId, validity)
    const admin = await issuePublic(authorities.publicCa, createPublicKey(adminKey), publicNames, validity)
    return { mesh, admin, life: { obtainedMs, endMs } }
  }
  let issued = await issue()
  return {
    mesh: () => ({
      certificate: issued.mesh,
      privateKey: pemOf(meshKey),
      roots: [authorities.meshCa.certificate],
    }),
    admin: () => ({ cert: issued.admin, key: pemOf(adminKey) }),
    life: () => issued.life,
    renew: async () => {
      issued = await issue()
      return issued.life
    },
  }
}

/** Renews the certificates in time, until it is disposed. */
function keepRenewed(
  identity: OwnIdentity,
  renew: () => Promise<Life>,
  { nowMs, onFault }: { readonly nowMs: () => number; readonly onFault: FaultListener },
): AsyncDisposable {
  const stop = new AbortController()
  const onProblem = (problem: unknown): void => onFault(problem, '-')
  const renewing = keepRenewing(identity.life(), renew, { nowMs, random: Math.random, onProblem }, stop.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await renewing
    },
  }
}

/** Gives both listeners each new certificate. */
function renewerOf(identity: OwnIdentity, server: Server, admin: Server): () => Promise<Life> {
  return async () => {
    const life = await identity.renew()
    server.setSecureContext(meshServerOptions(identity))
    admin.setSecureContext(adminTls(identity.admin()))
    return life
  }
}

function listening(server: Server, { host, port }: Listen): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(urlOf(server, host))
    })
  })
}

/** Followers hold their streams open for ever, so they are cut: they come back to the next start. */
function closing(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}

function urlOf(server: Server, host: string): string {
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' })
}

function reportFault(fault: unknown, requestId: string): void {
  const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)
  process.stderr.write(
    `${JSON.stringify({ level: 'error', message: 'control failed', request_id: requestId, fault: text })}\n`,
  )
}
