import { PopError } from '@pop-api/protocol'
import type { Client, Provider } from 'oidc-provider'

/**
 * The client that sent a form, by `client_secret_basic` or `client_secret_post`, one of the two (RFC 6749 section 2.3); a public
 * client by its name alone, which proves nothing: what it may end hangs on the token that it holds. Throws `oauth-request-invalid`
 * when both are there, `client-refused` for an unknown client as for a wrong secret.
 */
export async function authenticateClient(
  provider: Provider,
  authorization: string | undefined,
  form: ReadonlyMap<string, string>,
): Promise<Client> {
  const publicClient = authorization === undefined ? await findPublic(provider, form) : undefined
  if (publicClient !== undefined) return publicClient
  const { id, secret } = authorization === undefined ? postedCredentials(form) : basicCredentials(authorization, form)
  const client = await provider.Client.find(id)
  if (client === undefined || client.clientAuthMethod === 'none') throw refusedClient()
  if (!(await client.compareClientSecret(secret))) throw refusedClient()
  return client
}

/** The public client that a form names without a secret; undefined where there is none. */
async function findPublic(provider: Provider, form: ReadonlyMap<string, string>): Promise<Client | undefined> {
  const id = form.get('client_id')
  if (id === undefined || form.has('client_secret')) return undefined
  const client = await provider.Client.find(id)
  return client?.clientAuthMethod === 'none' ? client : undefined
}

interface ClientCredentials {
  readonly id: string
  readonly secret: string
}

function postedCredentials(form: ReadonlyMap<string, string>): ClientCredentials {
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (id === undefined || secret === undefined) {
    throw new PopError('client-refused', 'Client authentication is required.')
  }
  return { id, secret }
}

function basicCredentials(authorization: string, form: ReadonlyMap<string, string>): ClientCredentials {
  if (form.has('client_secret')) {
    throw new PopError('oauth-request-invalid', 'Authenticate the client in one way.')
  }
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  const [id, secret, ...others] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':')
    .map(decodeFormText)
  if (id === undefined || secret === undefined || others.length > 0) throw refusedClient()
  if (form.has('client_id') && form.get('client_id') !== id) {
    throw new PopError('oauth-request-invalid', 'The client_id of the form is another.')
  }
  return { id, secret }
}

/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
function decodeFormText(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // decodeURIComponent has no other way to say that the text is not encoded.
    return undefined
  }
}

function refusedClient(): PopError {
  return new PopError('client-refused', 'Client authentication failed.')
}
