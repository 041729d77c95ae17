import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import type { Gateway } from './gateway.ts'
import { withSessionLock } from './session-lock.ts'
import { readSession, removeSession, writeSession, type Session } from './session.ts'
import { requestToken } from './token-endpoint.ts'

/** An access token with less than this is renewed before it is used. */
const renewBelowMs = 30_000

/**
 * The session at a gateway with an access token that holds for at least half a minute; renewed if it must be, by one `pop` at a
 * time. Throws a CommandFailure: usage when nobody is signed in, refused when the session has ended, unreachable.
 */
export async function presentSession(gateway: Gateway, environment: Readonly<NodeJS.ProcessEnv>): Promise<Session> {
  const session = await readSession(environment, gateway.origin)
  if (session === undefined) throw notSignedIn(gateway)
  if (holds(session)) return session
  return await withSessionLock(environment, gateway.origin, async () => {
    // Another may have renewed it, or signed out, while this one waited for the lock.
    const present = await readSession(environment, gateway.origin)
    if (present === undefined) throw notSignedIn(gateway)
    return holds(present) ? present : await renew(present, gateway, environment)
  })
}

function holds({ expiresAtMs }: Session): boolean {
  return expiresAtMs - Date.now() >= renewBelowMs
}

async function renew(session: Session, gateway: Gateway, environment: Readonly<NodeJS.ProcessEnv>): Promise<Session> {
  const { refreshToken, clientId } = session
  if (refreshToken === undefined) {
    throw new CommandFailure(
      exitCodes.refused,
      'the access token has ended, and this client has none to renew it: sign in again with `pop login --client-id ID`',
    )
  }
  const nowMs = Date.now()
  try {
    const named = clientId === undefined ? {} : { client_id: clientId }
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, ...named }
    const renewed = await requestToken(gateway, form, nowMs)
    // A provider that does not rotate gives no new one (RFC 6749 section 6).
    const kept = {
      ...renewed,
      refreshToken: renewed.refreshToken ?? refreshToken,
      scope: renewed.scope ?? session.scope,
    }
    await writeSession(environment, kept)
    return kept
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.problem?.['error'] !== 'invalid_grant') throw error
    await removeSession(environment, gateway.origin)
    const message = `the session at ${gateway.origin} has ended: sign in again with \`pop login\``
    throw new CommandFailure(exitCodes.refused, message, { cause: error })
  }
}

function notSignedIn({ origin }: Gateway): CommandFailure {
  return usageFailure(`nobody is signed in at ${origin}: run \`pop login\` first`)
}
