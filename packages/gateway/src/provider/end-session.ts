import { isJsonObject, isPlainText, parseStrictJson, PopError } from '@pop-api/protocol'
import type { ClientCredentials } from '../serve/oauth/client.ts'
import { authenticateAs } from './authenticate-client.ts'
import type { Connection } from './connect.ts'
import { failureOfCode } from './failure.ts'

/**
 * Ends the session of a refresh token at the provider, also by one that was replaced: Keycloak's logout for clients, which
 * no standard describes. Gives the id of the session, where the provider or the token says it. Throws `sign-in-refused` for a
 * token of which the provider knows nothing.
 */
export async function endSession(
  { signIn: { ask, configuration } }: Connection,
  client: ClientCredentials,
  refreshToken: string,
  asked: 'own' | 'named',
): Promise<string | undefined> {
  const { end_session_endpoint: url } = configuration.serverMetadata()
  if (url === undefined) throw new TypeError('The provider names no end_session_endpoint.')
  const body = new URLSearchParams({ refresh_token: refreshToken })
  const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' })
  authenticateAs(client)(configuration.serverMetadata(), { client_id: client.id }, body, headers)
  const answer = await ask(url, {
    method: 'POST',
    headers: Object.fromEntries(headers),
    body,
    redirect: 'manual',
  })
  if (answer.ok) return sessionOf(answer.headers.get('pop-session') ?? claimOf(refreshToken))
  const parsed = parseStrictJson(await answer.text())
  const code = parsed.ok && isJsonObject(parsed.value) ? parsed.value['error'] : undefined
  const cause = new Error(`The logout of the provider answered ${answer.status} ${String(code)}.`)
  throw failureOfCode(answer.status < 500 && typeof code === 'string' ? code : undefined, asked, cause)
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
