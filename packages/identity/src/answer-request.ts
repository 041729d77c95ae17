import type { IncomingMessage, ServerResponse } from 'node:http'
import { PopError, type ProblemCode } from '@pop-api/protocol'
import { discoveryDocument, endpoints, realmPath } from './provider/endpoints.ts'
import { requestWithForm } from './provider/request-with-form.ts'
import { readFormText } from './session/read-form.ts'
import type { SessionAnswer, SessionEndpoint } from './session/session-endpoints.ts'

export interface Front {
  readonly issuer: string
  /** oidc-provider's own handler. */
  readonly provider: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly logout: SessionEndpoint
  readonly revoke: SessionEndpoint
  readonly introspect: SessionEndpoint
  /** Is told of every fault that a client saw as `server_error`. */
  readonly onFailure: (error: unknown) => void
}

type Served = { readonly method: 'GET' | 'POST'; readonly by: 'provider' | SessionEndpoint }
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * Answers every request: the endpoints of the realm by their exact path and method, 404 or 405 for the rest. oidc-provider has
 * more endpoints and reads paths more generously (case, last slash); it only gets to see what is in this table.
 */
export function answerRequests(front: Front): RequestHandler {
  const table = new Map<string, Served>([
    [endpoints.token, { method: 'POST', by: 'provider' }],
    [endpoints.keys, { method: 'GET', by: 'provider' }],
    [endpoints.discovery, { method: 'GET', by: answerWith(discoveryDocument(front.issuer)) }],
    [endpoints.logout, { method: 'POST', by: front.logout }],
    [endpoints.revocation, { method: 'POST', by: front.revoke }],
    [endpoints.introspection, { method: 'POST', by: front.introspect }],
  ])
  return async (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff')
    try {
      const served = lookUp(table, request, response)
      if (served === 'provider') await passOn(front, request, response)
      else send(response, await served(request))
    } catch (error) {
      refuse(front, response, error)
    }
  }
}

function answerWith(body: object): SessionEndpoint {
  return () => Promise.resolve({ status: 200, body })
}

function lookUp(
  table: ReadonlyMap<string, Served>,
  request: IncomingMessage,
  response: ServerResponse,
): 'provider' | SessionEndpoint {
  const { url = '', method } = request
  const [path = ''] = url.split('?')
  const served = path.startsWith(realmPath) ? table.get(path.slice(realmPath.length)) : undefined
  if (served === undefined) throw new PopError('no-such-operation', 'There is nothing here.')
  if (method !== served.method) {
    response.setHeader('allow', served.method)
    throw new PopError('method-not-allowed', `Only ${served.method} is offered here.`)
  }
  return served.by
}

async function passOn(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The provider knows its paths without the realm; it makes no address from Host, which is the client's word.
  request.url = (request.url ?? '').slice(realmPath.length)
  request.headers.host = new URL(front.issuer).host
  const readable = request.method === 'POST' ? requestWithForm(request, await readFormText(request)) : request
  await front.provider(readable, response)
}

function send(response: ServerResponse, { status, headers = {}, body }: SessionAnswer): void {
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body === undefined) {
    response.end()
    return
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

const oauthErrors: Partial<Record<ProblemCode, string>> = {
  'client-refused': 'invalid_client',
  'sign-in-refused': 'invalid_grant',
  'no-such-operation': 'not_found',
}

/** RFC 6749 section 5.2 for what a client did wrong; a fault of ours tells the client nothing. */
function refuse(front: Front, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    // Nothing can be said any more: the client is gone, or has got half an answer.
    response.destroy()
    if (!(error instanceof PopError)) front.onFailure(error)
    return
  }
  // What was not read of the request must not be taken for the next one.
  response.setHeader('connection', 'close')
  if (error instanceof PopError) {
    const { code, message, status } = error
    if (code === 'client-refused') response.setHeader('www-authenticate', `Basic realm="${front.issuer}"`)
    send(response, { status, body: { error: oauthErrors[code] ?? 'invalid_request', error_description: message } })
    return
  }
  front.onFailure(error)
  send(response, { status: 500, body: { error: 'server_error', error_description: 'Something went wrong inside.' } })
}
