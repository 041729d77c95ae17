import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isCount, isJsonObject, isPlainText } from '@pop-api/protocol'
import { garbled } from './keycloak-refusal.ts'

/** A session at Keycloak. Times in seconds since 1970. */
export interface PersonSession {
  /** The `sid` of its tokens. */
  readonly id: string
  readonly ip?: string
  readonly started: number
  readonly last_access: number
  /** Ids of the clients that signed in with it. */
  readonly clients: readonly string[]
}

/** How many deletions are under way at once. */
const endingMax = 8

/** The sessions of a user, the one of the latest access first. */
export async function listSessions(keycloak: KeycloakAdminClient, id: string): Promise<readonly PersonSession[]> {
  const listed: unknown = await keycloak.users.listSessions({ id })
  if (!Array.isArray(listed)) throw garbled('sessions')
  return listed.map(readSession).toSorted((one, other) => other.last_access - one.last_access)
}

/**
 * Ends one session, and the offline session of the same id, whose tokens carry it as well and are refreshed without it; none of this id is
 * as good as ended. Untrusted id.
 */
export async function endSession(keycloak: KeycloakAdminClient, sessionId: string): Promise<void> {
  if (isPathStep(sessionId)) return
  const { realmName: realm, realms } = keycloak
  await realms.removeSession({ realm, sessionId })
  // The client of Keycloak knows no such parameter of its own.
  const removeOffline = realms.makeRequest<object, unknown>({
    method: 'DELETE',
    path: '/{realm}/sessions/{sessionId}',
    urlParamKeys: ['realm', 'sessionId'],
    queryParamKeys: ['isOffline'],
    catchNotFound: true,
  })
  await removeOffline({ realm, sessionId, isOffline: true })
}

/** Ends the sessions of a user that began up to a moment, and leaves alone those of later sign-ins. Untrusted id. */
export async function endSessionsUntil(keycloak: KeycloakAdminClient, id: string, untilSeconds: number): Promise<void> {
  if (isPathStep(id)) return
  const old = (await listSessions(keycloak, id)).filter(({ started }) => started <= untilSeconds)
  for (let from = 0; from < old.length; from += endingMax) {
    await Promise.all(old.slice(from, from + endingMax).map((session) => endSession(keycloak, session.id)))
  }
}

/**
 * True for what a URL takes for a step in its path, and no encoding hides: as the id of a session to delete, `..` would name the realm
 * itself.
 */
function isPathStep(id: string): boolean {
  return id === '.' || id === '..'
}

function readSession(value: unknown): PersonSession {
  const { id, ipAddress, start, lastAccess, clients } = isJsonObject(value) ? value : {}
  if (!isPlainText(id, 128) || !isCount(start) || !isCount(lastAccess)) throw garbled('a session')
  const names = isJsonObject(clients) ? Object.values(clients) : []
  return {
    id,
    ...(isPlainText(ipAddress, 64) ? { ip: ipAddress } : {}),
    started: Math.floor(start / 1000),
    last_access: Math.floor(lastAccess / 1000),
    clients: names.filter((name) => isPlainText(name, 255)).toSorted(),
  }
}
