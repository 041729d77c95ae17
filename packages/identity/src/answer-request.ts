import type { IncomingMessage, ServerResponse } from 'node:http'
import { PopError, type ProblemCode } from '@pop-api/protocol'
import type { BegunVisits } from './browser/begun-visits.ts'
import type { BrowserEndpoint } from './browser/sign-in-endpoints.ts'
import { errorPage } from './pages/notice-page.ts'
import { renderPage } from './pages/page.ts'
import { discoveryDocument, endpoints, isForBrowsers, realmPath } from './provider/endpoints.ts'
import { requestWithForm } from './provider/request-with-form.ts'
import { readFormText } from './session/read-form.ts'
import type { SessionAnswer, SessionEndpoint } from './session/session-endpoints.ts'

export interface Front {
  readonly issuer: string
  /** oidc-provider's own handler. */
  readonly provider: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** Counts what leaves something behind, whoever asks for it. */
  readonly visits: BegunVisits
  /** The same for codes of devices, for which a gateway asks in the name of everybody. */
  readonly deviceCodes: BegunVisits
  readonly signIn: BrowserEndpoint
  readonly enrolment: BrowserEndpoint
  readonly logout: SessionEndpoint
  readonly revoke: SessionEndpoint
  readonly introspect: SessionEndpoint
  /** Is told of every fault that a client saw as `server_error`. */
  readonly onFailure: (error: unknown) => void
}

type Method = 'GET' | 'POST'
type ServedBy = 'provider' | BrowserEndpoint
type Served = Readonly<Partial<Record<Method, ServedBy>>>
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** The way back to a sign-in that a form has completed: its path ends in the id of the sign-in. */
const resumed = /^(.+)\/[\w-]{10,64}$/

/**
 * Answers every request: the endpoints of the realm by their exact path and method, 404 or 405 for the rest. oidc-provider has
 * more endpoints and reads paths more generously (case, last slash); it only gets to see what is in this table.
 */
export function answerRequests(front: Front): RequestHandler {
  const table = new Map<string, Served>([
    [endpoints.authorization, { GET: 'provider' }],
    [endpoints.deviceAuthorization, { POST: 'provider' }],
    [endpoints.token, { POST: 'provider' }],
    [endpoints.keys, { GET: 'provider' }],
    [endpoints.discovery, { GET: answerWith(discoveryDocument(front.issuer)) }],
    // As Keycloak's: a page for people, and an endpoint for clients that hold a refresh token.
    [endpoints.logout, { GET: 'provider', POST: front.logout }],
    [endpoints.logoutConfirm, { POST: 'provider' }],
    [endpoints.logoutDone, { GET: 'provider' }],
    [endpoints.device, { GET: 'provider', POST: 'provider' }],
    [endpoints.signIn, { GET: front.signIn, POST: front.signIn }],
    [endpoints.enrolment, { GET: front.enrolment, POST: front.enrolment }],
    [endpoints.revocation, { POST: front.revoke }],
    [endpoints.introspection, { POST: front.introspect }],
  ])
  return async (request, response) => {
    response.setHeader('x-content-type-options', 'nosniff')
    try {
      const servedBy = lookUp(table, request, response)
      countBeginning(front, request)
      if (servedBy === 'provider') await passOn(front, request, response)
      else send(response, await servedBy(request, response))
    } catch (error) {
      refuse(front, request, response, error)
    }
  }
}

/** What the provider keeps something for, of which nobody has shown a password yet: a sign-in, the secret of a form. */
const beginnings: ReadonlySet<string> = new Set([
  `GET ${endpoints.authorization}`,
  `GET ${endpoints.device}`,
  `POST ${endpoints.device}`,
  `GET ${endpoints.logout}`,
  `POST ${endpoints.logoutConfirm}`,
])

function countBeginning({ visits, deviceCodes }: Front, request: IncomingMessage): void {
  const asked = `${request.method ?? ''} ${pathOf(request) ?? ''}`
  const address = request.socket.remoteAddress ?? '-'
  if (beginnings.has(asked)) visits.begin(address)
  else if (asked === `POST ${endpoints.deviceAuthorization}`) deviceCodes.begin(address)
}

function answerWith(body: object): SessionEndpoint {
  return () => Promise.resolve({ status: 200, body })
}

function lookUp(table: ReadonlyMap<string, Served>, request: IncomingMessage, response: ServerResponse): ServedBy {
  const { method = '' } = request
  const path = pathOf(request)
  const served = path === undefined ? undefined : (table.get(path) ?? resumption(path))
  if (served === undefined) throw new PopError('no-such-operation', 'There is nothing here.')
  const servedBy = method === 'GET' || method === 'POST' ? served[method] : undefined
  if (servedBy !== undefined) return servedBy
  const allowed = Object.keys(served).join(', ')
  response.setHeader('allow', allowed)
  throw new PopError('method-not-allowed', `Only ${allowed} is offered here.`)
}

/** The path below the realm; undefined for one outside it. */
function pathOf({ url = '' }: IncomingMessage): string | undefined {
  const [path = ''] = url.split('?')
  return path.startsWith(realmPath) ? path.slice(realmPath.length) : undefined
}

function resumption(path: string): Served | undefined {
  const begun = resumed.exec(path)?.[1]
  return begun === endpoints.authorization || begun === endpoints.device ? { GET: 'provider' } : undefined
}

async function passOn(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The provider knows its paths without the realm; it makes no address from Host, which is the client's word.
  request.headers.host = new URL(front.issuer).host
  const readable = request.method === 'POST' ? requestWithForm(request, await readFormText(request)) : request
  const { url = '' } = request
  // For its own addresses it compares the two.
  await front.provider(Object.assign(readable, { originalUrl: url, url: url.slice(realmPath.length) }), response)
}

function send(response: ServerResponse, { status, headers = {}, body, page }: SessionAnswer): void {
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  const rendered = page === undefined ? undefined : renderPage(page)
  for (const [name, value] of Object.entries({ ...headers, ...rendered?.headers })) response.setHeader(name, value)
  if (rendered !== undefined || body === undefined) {
    response.end(rendered?.text)
    return
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

const oauthErrors: Partial<Record<ProblemCode, string>> = {
  'client-refused': 'invalid_client',
  'sign-in-refused': 'invalid_grant',
  'no-such-operation': 'not_found',
  'rate-limited': 'temporarily_unavailable',
}

/** RFC 6749 section 5.2 for what a client did wrong, a page for a person; a fault of ours tells nobody anything. */
function refuse(front: Front, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    // Nothing can be said any more: the client is gone, or has got half an answer.
    response.destroy()
    if (!(error instanceof PopError)) front.onFailure(error)
    return
  }
  // What was not read of the request must not be taken for the next one.
  response.setHeader('connection', 'close')
  if (!(error instanceof PopError)) front.onFailure(error)
  const { code, message, status, headers } =
    error instanceof PopError ? error : new PopError('internal', 'Something went wrong inside.')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (code === 'client-refused') response.setHeader('www-authenticate', `Basic realm="${front.issuer}"`)
  const path = pathOf(request)
  if (path !== undefined && code !== 'no-such-operation' && isForBrowsers(request.method ?? '', path)) {
    send(response, { status, page: errorPage(status, message) })
    return
  }
  const name = code === 'internal' ? 'server_error' : (oauthErrors[code] ?? 'invalid_request')
  send(response, { status, body: { error: name, error_description: message } })
}
