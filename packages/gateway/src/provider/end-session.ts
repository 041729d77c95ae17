import { isJsonObject, isPlainText, parseStrictJson, PopError } from '@pop-api/protocol'
import type { ClientCredentials } from '../serve/oauth/client.ts'
import type { Connection } from './connect.ts'
import { failureOfCode } from './failure.ts'

/**
 * Ends the session of a refresh token at the provider, also by one that was replaced: Keycloak's logout for confidential clients, which
 * no standard describes. Gives the id of the session, where the provider or the token says it. Throws `sign-in-refused` for a
 * token of which the provider knows nothing.
 */
export async function endSession(
  { ask, configuration }: Connection,
  client: ClientCredentials,
  refreshToken: string,
  asked: 'own' | 'named',
): Promise<string | undefined> {
  const { end_session_endpoint: url } = configuration.serverMetadata()
  if (url === undefined) throw new TypeError('The provider names no end_session_endpoint.')
  const answer = await ask(url, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: basic(client),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ refresh_token: refreshToken }),
    redirect: 'manual',
  })
  if (answer.ok) return sessionOf(answer.headers.get('pop-session') ?? claimOf(refreshToken))
  const parsed = parseStrictJson(await answer.text())
  const code = parsed.ok && isJsonObject(parsed.value) ? parsed.value['error'] : undefined
  const cause = new Error(`The logout of the provider answered ${answer.status} ${String(code)}.`)
  throw failureOfCode(answer.status < 500 && typeof code === 'string' ? code : undefined, asked, cause)
}

/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
function basic({ id, secret }: ClientCredentials): string {
  const encode = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+')
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

/** The `sid` of a refresh token that is a JWT, as Keycloak's is. The provider has just accepted the token, so it is the provider's. */
function claimOf(refreshToken: string): unknown {
  const parsed = parseStrictJson(Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value['sid'] : undefined
}

function sessionOf(sid: unknown): string | undefined {
  if (sid === undefined) return undefined
  if (isPlainText(sid, 128)) return sid
  throw new PopError('identity-unavailable', 'The identity provider named a session in a way that cannot be read.')
}
