import { constants } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:https'
import fastify, { type FastifyInstance } from 'fastify'
import { PopError } from '@pop-api/protocol'
import type { EnrolmentContext } from '../enrolment/context.ts'
import { enrol } from '../enrolment/enrol.ts'
import { problemAnswer, type FaultListener } from '../listener/answer-problem.ts'
import { adminConnectionsMax, listenerLimits } from '../listener/listener-limits.ts'
import { readJsonBody } from '../listener/read-json.ts'

/** Certificate and key of the admin listener, PEM. */
export interface AdminIdentity {
  readonly cert: string
  readonly key: string
}

const bodyBytesMax = 1024 * 1024

/** TLS of the admin listener; also what `server.setSecureContext` takes after a renewal. */
export function adminTls(identity: AdminIdentity) {
  return { ...identity, minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const
}

/** The `admin` listener: the public root, and enrolment. The caller listens and closes. */
export function createAdminListener(
  context: EnrolmentContext,
  identity: AdminIdentity,
  onFault: FaultListener,
): FastifyInstance<Server> {
  const app: FastifyInstance<Server> = fastify({
    https: { ...adminTls(identity), ...listenerLimits },
    bodyLimit: bodyBytesMax,
    // The framework sets these two once more, to what it is told here.
    requestTimeout: listenerLimits.requestTimeout,
    keepAliveTimeout: listenerLimits.keepAliveTimeout,
    // Who asks is who holds the socket: no header says otherwise.
    trustProxy: false,
    forceCloseConnections: true,
    clientErrorHandler: (_error, socket) => socket.destroy(),
    frameworkErrors: (failure, _request, reply) => {
      const { status, headers, body } = problemAnswer(refusalOf(failure), onFault)
      reply.hijack()
      reply.raw.writeHead(status, headers).end(body)
    },
  })
  app.server.maxConnections = adminConnectionsMax
  app.removeAllContentTypeParsers()
  // The framework's own reader keeps every piece of a body, so ours reads the stream.
  app.addContentTypeParser(
    'application/json',
    async (_request: unknown, payload: IncomingMessage) => await readJsonBody(payload, bodyBytesMax),
  )
  app.setErrorHandler(async (failure, _request, reply) => {
    const { status, headers, body } = problemAnswer(refusalOf(failure), onFault)
    return await reply.code(status).headers(headers).send(Buffer.from(body))
  })
  app.setNotFoundHandler(() => {
    throw new PopError('no-such-operation', 'Admin does not serve this path and method.')
  })
  app.get('/ca.pem', async (_request, reply) => {
    void reply.header('content-type', 'application/x-pem-file')
    return context.authorities.publicCa.certificate
  })
  app.post('/enrol', async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    return await enrol(context, request.body, request.socket.remoteAddress ?? '')
  })
  return app
}

/** What the framework refuses by itself, in our words. */
function refusalOf(failure: unknown): unknown {
  const status = failure instanceof Error && 'statusCode' in failure ? failure.statusCode : undefined
  if (failure instanceof PopError || typeof status !== 'number' || status >= 500) return failure
  if (status === 415) return new PopError('media-type-unsupported', 'Send application/json.')
  return new PopError('malformed-request', 'The request cannot be read.', { cause: failure })
}
