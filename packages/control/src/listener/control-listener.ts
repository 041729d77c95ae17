import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { TLSSocket } from 'node:tls'
import { compileRoutes, parseSpiffeId, parseTarget, PopError, type RouteFinder } from '@pop-api/protocol'
import { guardMeshServer, meshServerOptions, peerSpiffeId, type MeshMember } from '@pop-api/workload'
import type { Followers } from '../bulletin/applied.ts'
import type { EnrolmentContext } from '../enrolment/context.ts'
import { problemAnswer, type FaultListener } from './answer-problem.ts'
import { controlRoutes, type Answer, type Handler } from './control-routes.ts'

export interface ControlListenerOptions {
  readonly member: MeshMember
  readonly context: EnrolmentContext
  readonly followers: Followers
  readonly onFault: FaultListener
}

const headerBytesMax = 16 * 1024

/**
 * The `control` listener: TLS 1.3 with a client certificate of the mesh, and the SPIFFE ID in it must be of this trust domain and
 * enrolled here. The caller listens and closes.
 */
export function createControlListener({ member, context, followers, onFault }: ControlListenerOptions): Server {
  const find = compileRoutes(controlRoutes(context, followers))
  const server = createServer(
    { ...meshServerOptions(member), maxHeaderSize: headerBytesMax, headersTimeout: 10_000, requestTimeout: 30_000 },
    (request, response) => {
      serve(request, response, context, find).then(
        (answer) => send(response, answer),
        (failure: unknown) => sendProblem(request, response, failure, onFault),
      )
    },
  )
  guardMeshServer(server)
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
  const spiffeId = request.socket instanceof TLSSocket ? peerSpiffeId(request.socket) : undefined
  const id = spiffeId === undefined ? undefined : parseSpiffeId(spiffeId)
  if (spiffeId === undefined || id?.domain !== context.domain) {
    throw new PopError('workload-refused', 'The certificate names nobody of this trust domain.')
  }
  const known = context.store.database.prepare('select 1 from workloads where spiffe_id = ?').get(spiffeId)
  if (known === undefined) throw new PopError('workload-refused', 'This workload is not enrolled here.')
  const target = parseTarget(request.url ?? '')
  if (!target.ok) throw new PopError(target.code, target.detail)
  const match = find(request.method ?? '', target.value.segments)
  if (match.kind === 'none') throw new PopError('no-such-operation', 'Control does not serve this path.')
  if (match.kind === 'method') {
    const headers = { allow: match.allow.join(', ') }
    throw new PopError('method-not-allowed', `Use ${headers.allow}.`, { headers })
  }
  return await match.value({ spiffeId, id, request, response, target: target.value })
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
