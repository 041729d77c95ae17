import { decodeBase64url, isJsonObject, isPlainText, parseStrictJson, PopError } from '@pop-api/protocol'
import { decode } from './form.ts'

/** Who a client says that it is, and how it shows it. The provider judges; nothing of it is kept or logged but the id. */
export type ClientCredentials =
  /** `client_secret_basic` or `client_secret_post`. */
  | { readonly kind: 'secret'; readonly id: string; readonly secret: string }
  /** `private_key_jwt`: a JWT that the client has signed for the provider (RFC 7523 section 2.2). */
  | { readonly kind: 'assertion'; readonly id: string; readonly assertion: string }
  /** A public client shows nothing (RFC 6749 section 2.1): what it is given hangs on a code, a verifier or a token. */
  | { readonly kind: 'public'; readonly id: string }

const basicShape = /^basic +([A-Za-z0-9+/]+={0,2})$/i
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const assertionCharactersMax = 8192

/**
 * The client of a request to `/oauth`, by one way of RFC 6749 section 2.3 and RFC 7521 section 4.2, or by its name alone.
 * Undefined where none is named: then the gateway asks as its own client. Throws `oauth-request-invalid` or `client-refused`.
 */
export function readClient(
  fields: ReadonlyMap<string, string>,
  form: ReadonlyMap<string, string>,
): ClientCredentials | undefined {
  const authorization = fields.get('authorization')
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  const hasAssertion = form.has('client_assertion') || form.has('client_assertion_type')
  const ways = [authorization !== undefined, secret !== undefined, hasAssertion].filter(Boolean).length
  if (ways > 1) throw new PopError('oauth-request-invalid', 'Authenticate the client in one way.')
  if (authorization !== undefined) return asNamed(readBasic(authorization), id)
  if (hasAssertion) return asNamed(readAssertion(form), id)
  if (id === undefined && secret === undefined) return undefined
  if (id === undefined) throw clientRefused()
  return secret === undefined ? { kind: 'public', id } : { kind: 'secret', id, secret }
}

/** A client that has shown who it is. Throws `client-refused` for a public one and for none. */
export function requireConfidential(client: ClientCredentials | undefined): ClientCredentials {
  if (client === undefined || client.kind === 'public') throw clientRefused()
  return client
}

function asNamed(client: ClientCredentials, id: string | undefined): ClientCredentials {
  if (id === undefined || id === client.id) return client
  throw new PopError('oauth-request-invalid', 'The client_id of the form is another.')
}

/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
function readBasic(authorization: string): ClientCredentials {
  const encoded = basicShape.exec(authorization)?.[1]
  const text = Buffer.from(encoded ?? '', 'base64').toString('latin1')
  const colon = text.indexOf(':')
  const [id, secret] = [decode(text.slice(0, colon)), decode(text.slice(colon + 1))]
  if (encoded === undefined || colon <= 0 || secret === '') throw clientRefused()
  return { kind: 'secret', id, secret }
}

/** Whom an assertion is about: its `sub` (RFC 7523 section 3). That, and all the rest of it, the provider verifies. */
function readAssertion(form: ReadonlyMap<string, string>): ClientCredentials {
  const assertion = form.get('client_assertion')
  if (form.get('client_assertion_type') !== assertionType || assertion === undefined)
    throw new PopError('oauth-request-invalid', `Send client_assertion with client_assertion_type ${assertionType}.`)
  if (assertion.length > assertionCharactersMax)
    throw new PopError('oauth-request-invalid', `A client_assertion may have ${assertionCharactersMax} characters.`)
  const claims = decodeBase64url(assertion.split('.')[1] ?? '')
  const parsed = parseStrictJson(claims?.toString('utf8') ?? '')
  const id = parsed.ok && isJsonObject(parsed.value) ? parsed.value['sub'] : undefined
  if (!isPlainText(id, 256)) throw clientRefused()
  return { kind: 'assertion', id, assertion }
}

/** RFC 6749 section 5.2: 401 with the scheme that a client may use. */
export function clientRefused(cause?: unknown): PopError {
  return new PopError('client-refused', 'Client authentication failed.', {
    cause,
    headers: { 'www-authenticate': 'Basic realm="pop-api"' },
  })
}
