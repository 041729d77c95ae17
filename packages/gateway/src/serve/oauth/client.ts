import { PopError } from '@pop-api/protocol'
import { decode } from './form.ts'

/** A client that came with its own credentials. */
export interface ClientCredentials {
  readonly id: string
  readonly secret: string
}

const basicShape = /^basic +([A-Za-z0-9+/]+={0,2})$/i

/**
 * The client of a request to `/oauth`, by `client_secret_basic` or `client_secret_post`, one of the two (RFC 6749 section 2.3).
 * Undefined where none is named: then the gateway asks as its own client. Throws `oauth-request-invalid` or `client-refused`.
 */
export function readClient(
  fields: ReadonlyMap<string, string>,
  form: ReadonlyMap<string, string>,
): ClientCredentials | undefined {
  const authorization = fields.get('authorization')
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (authorization === undefined) {
    if (id === undefined && secret === undefined) return undefined
    if (id === undefined || secret === undefined) throw clientRefused()
    return { id, secret }
  }
  if (secret !== undefined) throw new PopError('oauth-request-invalid', 'Authenticate the client in one way.')
  const client = readBasic(authorization)
  if (id !== undefined && id !== client.id)
    throw new PopError('oauth-request-invalid', 'The client_id of the form is another.')
  return client
}

/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
function readBasic(authorization: string): ClientCredentials {
  const encoded = basicShape.exec(authorization)?.[1]
  const text = Buffer.from(encoded ?? '', 'base64').toString('latin1')
  const colon = text.indexOf(':')
  const [id, secret] = [decode(text.slice(0, colon)), decode(text.slice(colon + 1))]
  if (encoded === undefined || colon <= 0 || secret === '') throw clientRefused()
  return { id, secret }
}

/** RFC 6749 section 5.2: 401 with the scheme that a client may use. */
export function clientRefused(cause?: unknown): PopError {
  return new PopError('client-refused', 'Client authentication failed.', {
    cause,
    headers: { 'www-authenticate': 'Basic realm="pop-api"' },
  })
}
