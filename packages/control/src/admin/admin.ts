import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { parseStrictJson, PopError, problemMediaType, problemOf } from '@pop-api/protocol'

export interface AdminOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: { readonly cert: string; readonly key: string }
  /** The root that signs the listener's own certificate, PEM. */
  readonly root: string
  readonly enrol: (request: unknown) => Promise<unknown>
  /** Told of what went wrong inside; a client learns its request id only. */
  readonly failed: (requestId: string, failure: unknown) => void
}

export interface Admin {
  /** `https://localhost:port` */
  readonly address: string
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A manifest is the largest thing that a newcomer sends. */
const bodyBytesMax = 1024 * 1024

/** The admin listener. Today: `GET /ca.pem`, which proves nothing and needs no proof, and `POST /enrol`. */
export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const https = { ...options.tls, minVersion: 'TLSv1.3' } as const
  const server = Fastify({ https, bodyLimit: bodyBytesMax, genReqId: () => randomUUID(), exposeHeadRoutes: false })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const parsed = parseStrictJson(String(body))
    if (parsed.ok) done(null, parsed.value)
    else done(new PopError(parsed.code, parsed.detail))
  })
  server.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.status >= 500) options.failed(request.id, error)
    return reply
      .code(refusal.status)
      .type(problemMediaType)
      .send(JSON.stringify(problemOf(refusal, request.id)))
  })
  server.setNotFoundHandler(() => {
    throw new PopError('no-such-operation', 'Nothing is served at this path.')
  })
  server.get('/ca.pem', (_request, reply) => reply.type('application/x-pem-file').send(options.root))
  server.post('/enrol', (request) => options.enrol(request.body))
  await server.listen(options.listen)
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.server.address() as AddressInfo
  return { address: `https://localhost:${port}`, [Symbol.asyncDispose]: () => server.close() }
}

function refusalOf(error: unknown): PopError {
  if (error instanceof PopError) return error
  const status: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'statusCode') : undefined
  if (status === 413) return new PopError('body-too-large', `A body may have at most ${bodyBytesMax} bytes.`)
  if (status === 415) return new PopError('media-type-unsupported', 'Send application/json.')
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new PopError('malformed-request', 'The request cannot be read.')
  return new PopError('internal', 'The request could not be completed.', { cause: error })
}
