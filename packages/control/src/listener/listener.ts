import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { randomUUID } from 'node:crypto'
import { parseSpiffeId, PopError, problemMediaType, problemOf, type BulletinPosition } from '@pop-api/protocol'
import { guardMeshServer, meshServerOptions, peerSpiffeId, type MeshMember } from '@pop-api/workload'
import type { Press } from '../bulletin/press.ts'
import type { Audience } from '../bulletin/views.ts'

export interface ListenerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly member: MeshMember
  readonly domain: string
  readonly press: Press
  readonly failed: (requestId: string, failure: unknown) => void
}

export interface Listener {
  /** `https://localhost:port` */
  readonly address: string
  /** Destroys the connections of one peer. */
  readonly destroyPeer: (spiffeId: string) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * The control listener: a client certificate of the mesh is mandatory, and says which view of the bulletin its bearer gets. Today it
 * serves `GET /bulletin` and `GET /bulletin/changes?after=EPOCH.N`.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const server = createServer(meshServerOptions(options.member), (request, response) => {
    const requestId = randomUUID()
    try {
      answer(request, response, options)
    } catch (failure) {
      if (!(failure instanceof PopError)) options.failed(requestId, failure)
      refuse(response, failure, requestId)
    }
  })
  const { destroyPeer } = guardMeshServer(server)
  server.listen(options.listen.port, options.listen.host)
  await once(server, 'listening')
  const beat = setInterval(options.press.beat, 1000)
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    address: `https://localhost:${port}`,
    destroyPeer,
    async [Symbol.asyncDispose]() {
      clearInterval(beat)
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse, options: ListenerOptions): void {
  const audience = audienceOf(request, options.domain)
  const { press } = options
  if (request.method !== 'GET')
    throw new PopError('method-not-allowed', 'This listener takes GET.', { headers: { allow: 'GET' } })
  if (request.url === '/bulletin') {
    const body = JSON.stringify({ jws: press.snapshot(audience) })
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
      })
      .end(body)
    return
  }
  const [, after] = /^\/bulletin\/changes(?:\?after=([0-9]{1,15}\.[0-9]{1,15}))?$/.exec(request.url ?? '') ?? [
    undefined,
    undefined,
  ]
  if (
    request.url?.startsWith('/bulletin/changes') !== true ||
    (after === undefined && request.url !== '/bulletin/changes')
  ) {
    throw new PopError('no-such-operation', 'Nothing is served at this path.')
  }
  stream(response, audience, after === undefined ? undefined : readPosition(after), press)
}

/** Begins with a snapshot unless the follower says that it has the last change; from then on every change and heartbeat. */
function stream(response: ServerResponse, audience: Audience, after: BulletinPosition | undefined, press: Press): void {
  // A stolen module must not be able to push the count: what only a module says of its place is not believed.
  if (after !== undefined && audience === 'gateways') press.outrun(after)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const write = (jws: string): void => {
    // A follower that does not read would fill our memory; it comes back and gets a snapshot.
    if (response.writableLength > 32 * 1024 * 1024) response.destroy()
    else response.write(`data: ${jws}\n\n`)
  }
  const stop = press.follow(audience, write)
  response.once('close', stop)
  if (after === undefined || !press.isLast(audience, after)) write(press.snapshot(audience))
}

function readPosition(text: string): BulletinPosition {
  const [epoch, sequence] = text.split('.').map(Number)
  return { epoch: epoch ?? 0, sequence: sequence ?? 0 }
}

function audienceOf(request: IncomingMessage, domain: string): Audience {
  const peer = request.socket instanceof TLSSocket ? peerSpiffeId(request.socket) : undefined
  const id = peer === undefined ? undefined : parseSpiffeId(peer)
  if (id?.domain === domain && id.kind === 'gateway') return 'gateways'
  if (id?.domain === domain && id.kind === 'module') return `module:${id.module}`
  throw new PopError('workload-refused', 'Only gateways and modules of this trust domain follow the bulletin.')
}

function refuse(response: ServerResponse, failure: unknown, requestId: string): void {
  const error = failure instanceof PopError ? failure : new PopError('internal', 'The request could not be completed.')
  response
    .writeHead(error.status, { 'content-type': problemMediaType, ...error.headers })
    .end(JSON.stringify(problemOf(error, requestId)))
}
