import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openFileLog } from '@pop-api/audit'
import { es256Seal, type Seal } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { createPeerPools, meshTls, type GatewayMembership } from '@pop-api/workload'
import { compileBulletin, type Compiled } from './compiled.ts'
import { doorOptions, openDoor } from './front-door.ts'
import { handle } from './handle.ts'
import { keepKeysFresh } from './identify/refresh-keys.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { moduleConnectionsMax, openAuthenticator, openDresser, openGate } from './open-gate.ts'
import { createOperationsListener, type ReadinessCheck } from './operations/operations-listener.ts'
import { presentProvider } from './provider/present-provider.ts'
import { countRefusals } from './record/refusals.ts'
import { openRevocations } from './revoke/revocations.ts'
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

interface Listen {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

export interface GatewayOptions {
  /** Stays the giver's to dispose, after the gateway. */
  readonly member: GatewayMembership
  /** Absolute path of the gateway's own folder (0700): `audit/`, `refusals/` and `revocations.jsonl` come to lie in it. */
  readonly home: string
  readonly listen: { readonly gateway: Listen; readonly operations: Listen }
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
  /** For those who run it: `http://host:port`, `https://…` where the settings require TLS everywhere. */
  readonly operations: string
  /** Refuses new requests, lets those in flight finish, then closes what it opened. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Strangers decide how much is written here: the oldest makes room. */
const refusalSpace = { fileBytesMax: 8 * 1024 * 1024, filesMax: 8 }

const verifiedTokensMax = 4096

/** How long requests in flight may take once the gateway is told to stop. */
const drainMs = 5_000
/** How long after that the ends of those that were cut off may take: they are still to be recorded. */
const quietMs = 2_000

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
  const revocations = started.use(await openRevocations(home, Date.now))
  const provider = started.use(presentProvider(compiled.settings))
  const { seal, tokensMax } = options[benchmarkParts] ?? { seal: es256Seal, tokensMax: verifiedTokensMax }
  const authenticator = openAuthenticator(compiled, provider, revocations, tokensMax)
  const pools = started.use(createPeerPools(member, { connectionsMax: moduleConnectionsMax, connectTimeoutMs: 2_000 }))
  const requireSecondFactor = (): boolean => compiled.settings().security_config.require_2fa
  const session = { provider, authenticator, requireSecondFactor, revocations, nowMs: Date.now }
  const dresser = openDresser(member, compiled, seal)
  const { handToControl, bulletin } = member
  const told = { address: () => address, manifests: () => compiled.modules().manifests, metrics }
  own = mountOperations(session, { ...compiled, ...told, dresser, handToControl, bulletin })
  const parts = { member, compiled, pools, dresser, audit, authenticator, metrics, failed }
  const gate = openGate({ ...parts, draining: () => draining })
  compiled.apply('modules')
  const stop = new AbortController()
  started.defer(() => stop.abort())
  await keepKeysFresh(authenticator.keys, stop.signal, alarm)
  const server = createServer({ ...doorOptions, ...publicTls(member) })
  started.defer(member.onRenew(() => server.setSecureContext(publicTls(member))))
  const door = openDoor(server, {
    handle: (received, body) => handle(received, body, gate),
    refused: (refusal) => {
      refusals.count(refusal)
      if (!refusal.behind) metrics.refusedAtDoor(refusal.error.code)
    },
    failed,
    nextRequestId: randomUUID,
    nowMs: Date.now,
    connectionsMax: () => compiled.settings().limits.connections_per_address,
    draining: () => draining,
  })
  const plain = !compiled.settings().mode.require_mTLS
  const operations = createOperationsListener({
    checks: checksOf(member, authenticator.keys.assertFresh),
    metrics: metrics.text,
    failed: alarm,
    tls: plain ? undefined : publicTls(member),
  })
  const operationsAddress = await listening(operations, options.listen.operations)
  started.defer(() => closing(operations, 0))
  address = `https://${await listening(server, options.listen.gateway)}`.replace('//127.0.0.1:', '//localhost:')
  started.defer(async () => {
    draining = true
    await closing(server, drainMs)
    await Promise.race([door.quiet(), wait(quietMs, undefined, { ref: false })])
  })
  const running = started.move()
  return {
    gateway: address,
    operations: `${plain ? 'http' : 'https'}://${operationsAddress}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
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

/** TLS 1.3 towards clients, with the groups and suites of the mesh; they need no certificate. */
function publicTls(member: GatewayMembership) {
  const { certificate, privateKey } = member.publicIdentity()
  return { ...meshTls, cert: certificate, key: privateKey, handshakeTimeout: 10_000 }
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
          return failure instanceof Error ? failure.message : String(failure)
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

/** Gives `host:port`. */
async function listening(server: Server | HttpServer, { host, port }: Listen): Promise<string> {
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  // Listening on TCP, so the address is not a path.
  const { port: chosen } = server.address() as AddressInfo
  return `${host.includes(':') ? `[${host}]` : host}:${chosen}`
}

/** Takes no new connection; what is in flight may finish within the time. */
async function closing(server: Server | HttpServer, finishMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), finishMs)
  await closed
  clearTimeout(timer)
}
