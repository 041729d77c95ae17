import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { PopError } from '@pop-api/protocol'
import { countConnections, type Connections } from './admit/connections.ts'
import { isStreamed, type Answer } from './answer.ts'
import { watchSockets, type DoorSockets } from './door-sockets.ts'
import { answerSocket } from './raw-answer.ts'
import { openBody, type RequestBody } from './receive/body.ts'
import { canonicalAddress, receive } from './receive/receive.ts'
import type { Received } from './receive/received.ts'
import { lingerAtEnd } from './linger.ts'
import { asPopError, refuse, refuseRequest } from './refuse/refuse.ts'
import { send } from './send.ts'

/** A refusal that no later stage will record. */
export interface DoorRefusal {
  /** Whether a stage behind the door refused, which has told the metrics. */
  readonly behind: boolean
  readonly requestId: string
  readonly address: string
  readonly error: PopError
}

export interface FrontDoor {
  /** Everything behind `receive`. It answers also when it refuses; what it throws becomes a problem document. */
  readonly handle: (received: Received, body: RequestBody) => Promise<Answer>
  /** Told of every refusal of the door itself, also of bytes that were no request. */
  readonly refused: (refusal: DoorRefusal) => void
  /** Told of an error behind the door that was no refusal. */
  readonly failed: (requestId: string, failure: unknown) => void
  readonly nextRequestId: () => string
  readonly nowMs: () => number
  /** How many connections one address, or one /64 of IPv6, may hold. */
  readonly connectionsMax: () => number
  /** True while the process goes down: every answer then closes its connection. */
  readonly draining: () => boolean
  /** What is known of the listener; a door without one is of no use to whoever must prove something. */
  readonly listener?: DoorListener
}

/** A listener by what requests cannot say of it themselves. */
interface DoorListener {
  /** `https://host:port`, as clients are to write it. */
  readonly origin: () => string
  /** Thumbprint of the certificate that a client showed on this connection. */
  readonly certificateOf: (socket: Duplex) => string | undefined
}

/** The options of a `node:http(s)` server for which `openDoor` answers; without them Node answers some requests by itself. */
export const doorOptions = {
  requireHostHeader: false,
  insecureHTTPParser: false,
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  // A large body may take long: whoever reads one has a clock of its own.
  requestTimeout: 0,
  keepAliveTimeout: 30_000,
  // How often Node looks for connections that are over these times.
  connectionsCheckingInterval: 2_000,
} as const

/** A door that is open. */
export interface OpenDoor {
  /** Resolves when no request is under way: answered, recorded, or given up with its connection. */
  readonly quiet: () => Promise<void>
}

/** Puts the door on a server that was made with `doorOptions`: all that Node would answer or drop by itself goes through us. */
export function openDoor(server: Server, door: FrontDoor): OpenDoor {
  const underWay = new Set<Promise<void>>()
  const sockets = watchSockets()
  const connections = countConnections(server, door.connectionsMax)
  // Node drops fields above this count without a word; the size of the section is the bound.
  server.maxHeadersCount = 0
  const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    // Kept: a request whose body was not wanted lets go of its socket.
    const { socket } = request
    const begun = sockets.begin(request, response)
    if (begun === 'too many') refuseSocket(socket, new PopError('rate-limited', 'Too many requests on one connection.'))
    if (begun !== 'begun') return
    const answered = answerRequest(request, response, { door, expectsContinue, sockets, connections })
      .catch((failure: unknown) => {
        door.failed('-', failure)
        socket.destroy()
      })
      .finally(() => underWay.delete(answered))
    underWay.add(answered)
  }
  server.on('request', (request, response) => serve(request, response, false))
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => serve(request, response, true))
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => serve(request, response, false))
  const refuseSocket = (socket: Duplex, error: PopError): void => {
    // One refusal closes a connection: what the parser says of the bytes behind it is about nothing that anybody asked.
    if (!sockets.refuse(socket)) return
    const requestId = door.nextRequestId()
    door.refused({ behind: false, requestId, address: addressOf(socket), error })
    if (sockets.mayAnswer(socket)) answerSocket(socket, error, requestId)
    else socket.destroy()
  }
  server.on('upgrade', (_request, socket) =>
    refuseSocket(socket, new PopError('upgrade-refused', 'This address speaks HTTP/1.1 only.')),
  )
  server.on('connect', (_request, socket) =>
    refuseSocket(socket, new PopError('method-not-allowed', 'CONNECT is not served.')),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') socket.destroy()
    else refuseSocket(socket, handshakeError(error) ?? parserError(error))
  })
  return { quiet: async () => void (await Promise.all(underWay)) }
}

interface Exchange {
  readonly door: FrontDoor
  readonly expectsContinue: boolean
  readonly sockets: DoorSockets
  readonly connections: Connections
}

async function answerRequest(request: IncomingMessage, response: ServerResponse, exchange: Exchange): Promise<void> {
  const { door, expectsContinue, sockets } = exchange
  const { socket } = request
  const requestId = door.nextRequestId()
  const received = receiveOrRefuse(request, exchange, requestId)
  if (received instanceof PopError) {
    sockets.refuse(socket)
    door.refused({ behind: false, requestId, address: addressOf(socket), error: received })
    await send(response, refuse(received, requestId), { requestId, close: true, head: request.method === 'HEAD' })
    return
  }
  const body = openBody(request, received.framing, () => {
    if (expectsContinue) response.writeContinue()
  })
  let answer: Answer
  try {
    answer = await door.handle(received, body)
  } catch (failure) {
    if (!(failure instanceof PopError)) door.failed(requestId, failure)
    else door.refused({ behind: true, requestId, address: received.address, error: failure })
    answer = refuseRequest(failure, received)
  }
  // Bytes of a body that nobody read must never be taken for the next request.
  const close = !request.complete || received.crowded || door.draining()
  if (close && !sockets.refuse(socket)) {
    // Nobody reads it: what still arrives of it must not be held.
    if (isStreamed(answer))
      await answer.body.abandon(new PopError('client-gone', 'The connection was refused meanwhile.'))
    return
  }
  if (!request.complete) lingerAtEnd(socket)
  await send(response, answer, { requestId, close, head: received.method === 'HEAD' })
}

function receiveOrRefuse(request: IncomingMessage, exchange: Exchange, requestId: string): Received | PopError {
  try {
    const { method = '', url = '', httpVersion, rawHeaders, socket } = request
    const { remoteAddress = '-', remotePort = 0 } = socket
    const crowded = exchange.connections.isCrowded(remoteAddress, remotePort)
    const { listener, nowMs } = exchange.door
    const [origin, certificate] = [listener?.origin(), listener?.certificateOf(socket)]
    const raw = { method, url, httpVersion, rawHeaders, remoteAddress, crowded, origin, certificate }
    return receive(raw, { requestId, nowMs: nowMs() })
  } catch (failure) {
    return asPopError(failure)
  }
}

function addressOf(socket: Duplex): string {
  const address: unknown = Reflect.get(socket, 'remoteAddress')
  return canonicalAddress(typeof address === 'string' ? address : '-')
}

/** Undefined where TLS was not what failed. Whose fault it is matters to whoever looks why a provider tells this gateway nothing. */
function handshakeError(error: NodeJS.ErrnoException): PopError | undefined {
  const { code = '' } = error
  if (!code.startsWith('ERR_SSL_')) return undefined
  // The alerts about our certificate (RFC 8446 section 6.2): bad_certificate, certificate_unknown, unknown_ca and the like.
  if (/_ALERT_(UNKNOWN_CA|\w*CERTIFICATE\w*)$/.test(code))
    return new PopError('certificate-refused', 'The client does not trust the certificate of this address.', {
      cause: error,
    })
  return new PopError('handshake-failed', 'No TLS connection came about.', { cause: error })
}

function parserError(error: NodeJS.ErrnoException): PopError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new PopError('headers-too-large', 'The header section may have at most 16 KiB.', { cause: error })
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new PopError('request-timeout', 'The request did not arrive in time.', { cause: error })
  }
  return new PopError('malformed-request', 'These bytes are not one HTTP/1.1 request.', { cause: error })
}
