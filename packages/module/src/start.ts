import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { openFileLog } from '@pop-api/audit'
import {
  compileTrust,
  createNonceSource,
  createNonceStore,
  createWitCache,
  manifestDigest,
  type Trust,
  type TrustSection,
} from '@pop-api/protocol'
import { openBook } from './book/book.ts'
import type { ModuleDefinition } from './definition.ts'
import { watchRevoked } from './revoked.ts'
import { createModuleServer } from './server.ts'
import type { MeshTransport, ModuleWorkload } from './workload.ts'

export interface StartOptions<W extends ModuleWorkload> {
  readonly definition: ModuleDefinition
  readonly workload: W
  readonly transport: MeshTransport<W>
  readonly listen: { readonly host: string; readonly port: number }
  /** Absolute path of the module's own folder: `book.db` and `audit/` come to lie in it. */
  readonly home: string
  /** Told of failures that no caller learns of. The default writes a line of JSON to standard error. */
  readonly onFault?: (fault: unknown, requestId: string) => void
}

export interface RunningModule {
  /** `https://host:port` */
  readonly address: string
  /** Lets requests in flight finish, then closes the log and the book. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const noncesMax = 200_000
const witsMax = 1024
/** Node would end every request that takes more than five minutes: an upload may, and whoever reads a body has a clock of its own. */
const serverLimits = { maxHeaderSize: 64 * 1024, headersTimeout: 60_000, requestTimeout: 0 }
/** The longest time that a timer of Node can wait. */
const timerMsMax = 2 ** 31 - 1

/**
 * Serves a module in the mesh: settles the book, listens, and tells control the address and the boot value of this start. Rejects
 * when the port or the home cannot be used. The workload stays the giver's to dispose.
 */
export async function startModule<W extends ModuleWorkload>(options: StartOptions<W>): Promise<RunningModule> {
  const { definition, workload, transport, home, listen } = options
  const onFault = options.onFault ?? reportFault
  await mkdir(home, { recursive: true, mode: 0o700 })
  await using started = new AsyncDisposableStack()
  const audit = started.use(await openFileLog({ directory: join(home, 'audit') }))
  const book = started.use(openBook(join(home, 'book.db'), Date.now))
  await book.recover(definition.exists)
  const boot = randomBytes(16).toString('base64url')
  const revoked = watchRevoked(Date.now)
  revoked.apply(workload.bulletin.section('incidents'))
  let trust = readTrust(workload.bulletin.section('trust'), onFault)
  const listener = createModuleServer(definition, {
    spiffeId: workload.spiffeId,
    boot,
    trust: () => trust,
    sealIdentity: () => {
      const { wit, messageKey } = workload.credentials()
      return { wit, privateKey: messageKey }
    },
    peerOf: (socket) => (socket instanceof TLSSocket ? transport.peerSpiffeId(socket) : undefined),
    nowMs: Date.now,
    nextNonce: createNonceSource(randomBytes(16)),
    nonces: createNonceStore(noncesMax),
    wits: createWitCache(witsMax),
    revoked,
    audit,
    book,
    onFault,
  })
  const server = createServer({ ...transport.meshServerOptions(workload), ...serverLimits }, listener)
  // A peer that keeps its connection busy must not keep a stopping module alive.
  server.prependListener('request', (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  server.on('secureConnection', endWithCertificate)
  workload.onRenew(() => server.setSecureContext(transport.meshServerOptions(workload)))
  let authorities = liveAuthorities(workload.bulletin.section('trust'))
  workload.bulletin.onChange((section) => {
    if (section === 'incidents') revoked.apply(workload.bulletin.section('incidents'))
    if (section !== 'trust') return
    const present = workload.bulletin.section('trust')
    trust = readTrust(present, onFault)
    server.setSecureContext(transport.meshServerOptions(workload))
    const remaining = liveAuthorities(present)
    // Node checks a certificate in the handshake alone, so a distrusted authority needs new handshakes.
    if ([...authorities].some((id) => !remaining.has(id))) server.closeAllConnections()
    authorities = remaining
  })
  await listening(server, listen)
  started.defer(() => closing(server))
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo
  const address = `https://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`
  await workload.reportInstance({ address, manifest_digest: manifestDigest(definition.manifest.document), boot })
  const running = started.move()
  return { address, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

function readTrust(section: TrustSection | undefined, onFault: (fault: unknown, requestId: string) => void) {
  if (section === undefined) return undefined
  try {
    return compileTrust(section) satisfies Trust
  } catch (fault) {
    onFault(fault, '-')
    return undefined
  }
}

function liveAuthorities(section: TrustSection | undefined): ReadonlySet<string> {
  return new Set(section?.authorities.filter(({ state }) => state !== 'distrusted').map(({ id }) => id))
}

/** Destroys a connection when the certificate of its peer ends: nobody else looks at it after the handshake. */
function endWithCertificate(socket: TLSSocket): void {
  const end = socket.getPeerX509Certificate()?.validToDate.getTime()
  if (end === undefined) return
  const timer = setTimeout(() => socket.destroy(), Math.min(Math.max(end - Date.now(), 0), timerMsMax))
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeIdleConnections()
  })
}

function reportFault(fault: unknown, requestId: string): void {
  const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)
  process.stderr.write(
    `${JSON.stringify({ level: 'error', message: 'request failed', request_id: requestId, fault: text })}\n`,
  )
}
