import { isJsonObject, isPlainText, parseStrictJson, PopError, type JsonObject } from '@pop-api/protocol'
import type { ClientCredentials } from '../serve/oauth/client.ts'
import { authenticateAs } from './authenticate-client.ts'
import type { Connection } from './connect.ts'
import { failureOfCode } from './failure.ts'

/** A session that the provider has ended, as far as it or the token says which. */
export interface EndedSession {
  readonly sid?: string
  /** Subject of its holder. */
  readonly subject?: string
}

/**
 * Ends the session of a refresh token at the provider, also by one that was replaced: Keycloak's logout for clients, which
 * no standard describes. Gives which session that was, where the provider or the token says it. Throws `sign-in-refused` for a
 * token of which the provider knows nothing.
 */
export async function endSession(
  { signIn: { ask, configuration } }: Connection,
  client: ClientCredentials,
  refreshToken: string,
  asked: 'own' | 'named',
): Promise<EndedSession> {
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
  if (answer.ok) {
    const claims = claimsOf(refreshToken)
    const { headers: told } = answer
    return sessionOf(told.get('pop-session') ?? claims['sid'], told.get('pop-subject') ?? claims['sub'])
  }
  const parsed = parseStrictJson(await answer.text())
  const code = parsed.ok && isJsonObject(parsed.value) ? parsed.value['error'] : undefined
  const cause = new Error(`The logout of the provider answered ${answer.status} ${String(code)}.`)
  throw failureOfCode(answer.status < 500 && typeof code === 'string' ? code : undefined, asked, cause)
}

/** The claims of a refresh token that is a JWT, as Keycloak's is. The provider has just accepted the token, so they are the provider's. */
function claimsOf(refreshToken: string): JsonObject {
  const parsed = parseStrictJson(Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
}

function sessionOf(sid: unknown, subject: unknown): EndedSession {
  const holder = isPlainText(subject, 255) ? { subject: `user:${subject}` } : {}
  if (sid === undefined) return holder
  if (isPlainText(sid, 128)) return { sid, ...holder }
  throw new PopError('identity-unavailable', 'The identity provider named a session in a way that cannot be read.')
}
