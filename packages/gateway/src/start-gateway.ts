import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openFileLog } from '@pop-api/audit'
import { es256Seal, type Seal } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { createPeerPools, type GatewayMembership } from '@pop-api/workload'
import { compileBulletin, type Compiled } from './compiled.ts'
import type { FrontDoor } from './front-door.ts'
import { handle, type Gate } from './handle.ts'
import { keepKeysFresh } from './identify/refresh-keys.ts'
import { closing, listening, type Listen } from './listening.ts'
import { presentLockout } from './lockout/present-lockout.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { moduleConnectionsMax, openAuthenticator, openDresser, openGate } from './open-gate.ts'
import { createOperationsListener, type ReadinessCheck } from './operations/operations-listener.ts'
import { presentProvider } from './provider/present-provider.ts'
import { openPublicListeners, publicTls } from './public-listeners.ts'
import { countRefusals, type RefusalCounter } from './record/refusals.ts'
import { openRevocations, type Revocations } from './revoke/revocations.ts'
import { tellControl } from './revoke/tell-control.ts'
import { mountOperations } from './serve/mount-operations.ts'
import type { OpenOperation, OwnOperation } from './serve/operation.ts'

/** Exchanges what a benchmark measures the cost of. A symbol: no settings and no JSON can say it, and a search finds each use. */
export const benchmarkParts: unique symbol = Symbol('benchmarkParts')

export interface BenchmarkParts {
  /** Instead of the seal of ES256. */
  readonly seal: Seal
  /** How many verified tokens are remembered. */
  readonly tokensMax: number
}

export interface GatewayOptions {
  /** Stays the giver's to dispose, after the gateway. */
  readonly member: GatewayMembership
  /** Absolute path of the gateway's own folder (0700): `audit/`, `refusals/`, `revocations.jsonl` and `lockout.jsonl` come to lie in it. */
  readonly home: string
  readonly listen: {
    readonly gateway: Listen
    readonly operations: Listen
    /** Where to ask for client certificates, should the settings want that (`listeners.gateway_mtls`). */
    readonly gatewayMtls?: Listen
  }
  /** Told of every failure inside; the request id is `-` where there is none. */
  readonly failed: (requestId: string, failure: unknown) => void
  /** Told of the settings in force, at the start and whenever they change. */
  readonly onSettings?: (settings: GatewaySettings) => void
  readonly [benchmarkParts]?: BenchmarkParts
}

/** A running gateway. */
export interface RunningGateway {
  /** `https://host:port`, for clients. */
  readonly gateway: string
  /** The same with a client certificate; undefined unless the settings want it. */
  readonly gatewayMtls: string | undefined
  /** For those who run it: `http://host:port`, `https://…` where the settings require TLS everywhere. */
  readonly operations: string
  /** Refuses new requests, lets those in flight finish, then closes what it opened. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Strangers decide how much is written here: the oldest makes room. */
const refusalSpace = { fileBytesMax: 8 * 1024 * 1024, filesMax: 8 }

const verifiedTokensMax = 4096

/**
 * Starts the data plane on the present bulletin of a member. Rejects when the bulletin lacks a section, the home cannot be used or
 * a port is taken. The identity provider may be away: sign-in then answers 503 until it is back.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { member, home, failed } = options
  const metrics = openMetrics(member)
  let draining = false
  let address = ''
  let own: readonly (OwnOperation | OpenOperation)[] = []
  const alarm = (failure: unknown): void => failed('-', failure)
  const compiled = compileBulletin(member.bulletin, () => own, alarm)
  await using started = new AsyncDisposableStack()
  // Followed from the moment it was read: what changes while the rest is opened is not missed.
  started.defer(member.bulletin.onChange(compiled.apply))
  started.defer(followSettings(member, compiled, options.onSettings))
  const audit = started.use(await openFileLog({ directory: join(home, 'audit') }))
  const refusalLog = started.use(await openFileLog({ directory: join(home, 'refusals'), ...refusalSpace }))
  const refusals = started.use(
    countRefusals({ audit: refusalLog, nowMs: Date.now, alarm, recording: metrics.recording }),
  )
  const revocations = started.use(await openIncidents(member, home, alarm))
  const { settings } = compiled
  const lockout = started.use(await presentLockout({ home, bulletin: member.bulletin, settings, audit, failed: alarm }))
  const provider = started.use(presentProvider(settings))
  const { seal, tokensMax } = options[benchmarkParts] ?? { seal: es256Seal, tokensMax: verifiedTokensMax }
  const authenticator = openAuthenticator(compiled, provider, revocations, tokensMax)
  const pools = started.use(createPeerPools(member, { connectionsMax: moduleConnectionsMax, connectTimeoutMs: 2_000 }))
  const requireSecondFactor = (): boolean => compiled.settings().security_config.require_2fa
  const allowPasswordGrant = (): boolean => compiled.settings().identity.password_grant
  const grantRules = { requireSecondFactor, allowPasswordGrant }
  const session = { provider, authenticator, ...grantRules, revocations, lockout, nowMs: Date.now }
  const dresser = openDresser(member, compiled, seal)
  const { handToControl, bulletin } = member
  const told = { address: () => address, manifests: () => compiled.modules().manifests, metrics }
  own = mountOperations(session, {
    ...compiled,
    ...told,
    dresser,
    handToControl,
    bulletin,
    revocations,
    nowMs: Date.now,
  })
  const parts = { member, compiled, pools, dresser, audit, authenticator, metrics, failed }
  const gate = openGate({ ...parts, underWay: revocations.underWay, draining: () => draining })
  compiled.apply('modules')
  const stop = new AbortController()
  started.defer(() => stop.abort())
  await keepKeysFresh(authenticator.keys, stop.signal, alarm)
  const fresh = authenticator.keys.assertFresh
  const operations = started.use(await openOperations(options, { compiled, metrics, checks: checksOf(member, fresh) }))
  const doors = await openPublicListeners(member, {
    listen: options.listen,
    asksCertificates: compiled.settings().listeners.gateway_mtls,
    door: doorTo(gate, { refusals, metrics, compiled, failed, draining: () => draining }),
  })
  address = doors.gateway
  started.defer(() => {
    draining = true
    return doors.close()
  })
  const running = started.move()
  return {
    gateway: address,
    gatewayMtls: doors.gatewayMtls,
    operations: operations.address,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface DoorParts {
  readonly refusals: Pick<RefusalCounter, 'count'>
  readonly metrics: Metrics
  readonly compiled: Compiled
  readonly failed: GatewayOptions['failed']
  readonly draining: () => boolean
}

/** The door of every listener for clients. */
function doorTo(gate: Gate, { refusals, metrics, compiled, failed, draining }: DoorParts): FrontDoor {
  return {
    handle: (received, body) => handle(received, body, gate),
    refused: (refusal) => {
      refusals.count(refusal)
      if (!refusal.behind) metrics.refusedAtDoor(refusal.error.code)
    },
    failed,
    nextRequestId: randomUUID,
    nowMs: Date.now,
    connectionsMax: () => compiled.settings().limits.connections_per_address,
    draining,
  }
}

interface Watched {
  readonly compiled: Compiled
  readonly metrics: Metrics
  readonly checks: readonly ReadinessCheck[]
}

/** Opens the listener for those who run the gateway: plain where the settings do not require TLS everywhere. */
async function openOperations(
  { member, listen, failed }: GatewayOptions,
  { compiled, metrics, checks }: Watched,
): Promise<{ readonly address: string } & AsyncDisposable> {
  const plain = !compiled.settings().mode.require_mTLS
  const server = createOperationsListener({
    checks,
    metrics: metrics.text,
    failed: (failure) => failed('-', failure),
    tls: plain ? undefined : publicTls(member),
  })
  const address = `${plain ? 'http' : 'https'}://${await listening(server, listen.operations)}`
  return { address, [Symbol.asyncDispose]: () => closing(server, 0) }
}

function openMetrics({ bulletin }: GatewayMembership): Metrics {
  return createMetrics({
    startedMs: Date.now(),
    ticksMs: () => performance.now(),
    bulletinAgeMs: bulletin.ageMs,
    modules: () => bulletin.section('modules'),
  })
}

/** Tells of the settings now and after each change of them; gives the way to stop. */
function followSettings(member: GatewayMembership, compiled: Compiled, tell: GatewayOptions['onSettings']): () => void {
  tell?.(compiled.settings())
  return member.bulletin.onChange((section) => section === 'settings' && tell?.(compiled.settings()))
}

/** Opens the revocations of a home; puts those of the bulletin in force with them from now on, and tells control of the own ones. */
async function openIncidents(
  { bulletin, reportRevocations: report }: GatewayMembership,
  home: string,
  failed: (failure: unknown) => void,
): Promise<Revocations> {
  await using opened = new AsyncDisposableStack()
  const revocations = opened.use(await openRevocations(home, Date.now, failed))
  const apply = (): void => revocations.apply(bulletin.section('incidents'), bulletin.position())
  apply()
  opened.defer(bulletin.onChange((section) => section === 'incidents' && apply()))
  opened.use(tellControl({ revocations, report, failed, random: Math.random }))
  const owned = opened.move()
  return { ...revocations, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function checksOf(member: GatewayMembership, assertFresh: (nowMs: number) => void): readonly ReadinessCheck[] {
  return [
    {
      name: 'bulletin',
      fault: () => {
        const seconds = Math.round(member.bulletin.ageMs() / 1000)
        return seconds <= 30 ? undefined : `control was last heard ${seconds} s ago`
      },
    },
    {
      name: 'identity provider',
      fault: () => {
        try {
          assertFresh(Date.now())
          return undefined
        } catch (failure) {
          return faultOf(failure)
        }
      },
    },
    {
      name: 'modules',
      fault: () => {
        const absent = Object.values(member.bulletin.section('modules') ?? {}).filter(
          (entry) => entry.instances.length === 0,
        )
        return absent.length === 0 ? undefined : `no instance of ${absent.map(({ name }) => name).join(', ')}`
      },
    },
  ]
}

/** With what is behind it, for only operators see this. Faults stand in lines with others: a sentence loses its full stop. */
function faultOf(failure: unknown): string {
  const { message, cause } = failure instanceof Error ? failure : new Error(String(failure))
  const sentences = cause instanceof Error ? [message, cause.message] : [message]
  return sentences.map((sentence) => sentence.replace(/\.$/, '')).join(': ')
}
