import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { TLSSocket } from 'node:tls'
import { compileRoutes, parseSpiffeId, parseTarget, PopError, type RouteFinder } from '@pop-api/protocol'
import { guardMeshServer, meshServerOptions, peerKeySha256, peerSpiffeId, type MeshMember } from '@pop-api/workload'
import type { Followers } from '../bulletin/applied.ts'
import type { EnrolmentContext } from '../enrolment/context.ts'
import { requireHolder } from '../enrolment/holder.ts'
import type { HandedContext } from '../handed/handed.ts'
import { problemAnswer, type FaultListener } from './answer-problem.ts'
import { controlRoutes, type Answer, type Handler } from './control-routes.ts'
import { connectionsOfPeerMax, controlConnectionsMax, listenerLimits } from './listener-limits.ts'
import { readJson } from './read-json.ts'

export interface ControlListenerOptions {
  readonly member: MeshMember
  readonly context: EnrolmentContext
  readonly followers: Followers
  readonly handed: HandedContext
  readonly onFault: FaultListener
}

/**
 * The `control` listener: TLS 1.3 with a client certificate of the mesh. The SPIFFE ID in it must be of this trust domain and
 * enrolled here, its key the one of the last enrolment. The caller listens and closes.
 */
export function createControlListener(options: ControlListenerOptions): Server {
  const { member, context, followers, handed, onFault } = options
  const find = compileRoutes(controlRoutes(context, followers, handed))
  const server = createServer({ ...meshServerOptions(member), ...listenerLimits }, (request, response) => {
    serve(request, response, context, find).then(
      (answer) => send(response, answer),
      (failure: unknown) => sendProblem(request, response, failure, onFault),
    )
  })
  server.maxConnections = controlConnectionsMax
  guardMeshServer(server, { connectionsOfPeerMax })
  // Whoever cannot speak HTTP over a verified connection is not answered; whoever fails the handshake never gets here.
  server.on('clientError', (_error, socket) => socket.destroy())
  return server
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  context: EnrolmentContext,
  find: RouteFinder<Handler>,
): Promise<Answer> {
  const socket = request.socket instanceof TLSSocket ? request.socket : undefined
  const spiffeId = socket && peerSpiffeId(socket)
  const keySha256 = socket && peerKeySha256(socket)
  const id = spiffeId === undefined ? undefined : parseSpiffeId(spiffeId)
  if (spiffeId === undefined || keySha256 === undefined || id?.domain !== context.domain) {
    throw new PopError('workload-refused', 'The certificate names nobody of this trust domain.')
  }
  const holder = { spiffeId, keySha256 }
  requireHolder(context.store, holder)
  const target = parseTarget(request.url ?? '')
  if (!target.ok) throw new PopError(target.code, target.detail)
  const match = find(request.method ?? '', target.value.segments)
  if (match.kind === 'none') throw new PopError('no-such-operation', 'Control does not serve this path.')
  if (match.kind === 'method') {
    const headers = { allow: match.allow.join(', ') }
    throw new PopError('method-not-allowed', `Use ${headers.allow}.`, { headers })
  }
  const { bodyBytesMax, handle } = match.value
  const asked = { holder, id, request, response, target: target.value, parameters: match.parameters }
  if (bodyBytesMax === 'none') {
    // A body that nobody wants is thrown away as it comes; unread, its pieces would stay for as long as the answer goes on.
    request.resume()
    return await handle({ ...asked, body: undefined })
  }
  const body = await readJson(request, bodyBytesMax)
  // Somebody may have enrolled under this name while the body came.
  requireHolder(context.store, holder)
  return await handle({ ...asked, body })
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer === 'begun') return
  if (answer === 'nothing') {
    response.writeHead(204, { 'cache-control': 'no-store' }).end()
    return
  }
  const body = JSON.stringify(answer.json)
  response
    .writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body)
}

function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  failure: unknown,
  onFault: FaultListener,
): void {
  const { status, headers, body } = problemAnswer(failure, onFault)
  if (response.headersSent) {
    response.destroy()
    return
  }
  // What is left of an unread body must not be taken for the next request.
  if (!request.complete) response.shouldKeepAlive = false
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}
