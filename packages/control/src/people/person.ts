import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isCount, isJsonObject, isPlainText, isTextList, PopError, testIssuer } from '@pop-api/protocol'
import { garbled } from './keycloak-refusal.ts'
import { escapeText, isServiceAccountName } from './username.ts'

/** A user as Keycloak has it. */
export interface Person {
  readonly id: string
  readonly username: string
  /** The name in ASCII, where it has other characters: some look alike. */
  readonly username_escaped?: string
  readonly email?: string
  readonly first_name?: string
  readonly last_name?: string
  readonly enabled: boolean
  /** Seconds since 1970. */
  readonly created?: number
  /** What the person is asked to do at the next sign-in, by Keycloak's names. */
  readonly required_actions: readonly string[]
}

/** Somebody about whom nothing can be done here, with what can be shown. */
export interface UnusablePerson extends Pick<Person, 'id' | 'username' | 'enabled'> {
  /** Why. */
  readonly unusable: string
}

/** Ids as Keycloak makes them, and no names: nobody is given one. */
export const idShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const otherIdShape = /^[A-Za-z0-9._:@+=~-]{1,195}$/

/**
 * Whether this can be an id in a path and in the subject of a token: also one that somebody else made, as in a realm that was imported or
 * a federation of users (`f:…:name`). None that a URL takes for a step in its path, and none of the names of test tokens.
 */
export function isUsableId(id: string): boolean {
  return otherIdShape.test(id) && id !== '.' && id !== '..' && !id.startsWith(testIssuer)
}

/** The subject of a person's tokens. */
export function subjectOf({ id }: Pick<Person, 'id'>): string {
  return `user:${id}`
}

/**
 * The one person of this username or id. Throws `resource-not-found`, and `conflict` where the name of one is the id of another. A service
 * account is nobody. Throws `conflict`, too, for one that is not usable. Untrusted input.
 */
export async function findPerson(keycloak: KeycloakAdminClient, name: string): Promise<Person> {
  if (!isPlainText(name, 255)) throw nobody()
  const [byName, byId]: readonly unknown[] = await Promise.all([
    keycloak.users.find({ username: name, exact: true, max: 10 }),
    isUsableId(name) ? keycloak.users.findOne({ id: name }) : undefined,
  ])
  if (!Array.isArray(byName) || !byName.every(isJsonObject)) throw garbled('users')
  const found = isJsonObject(byId) ? [...byName, byId] : byName
  const people = found.filter((one) => !isServiceAccount(one) && (one['id'] === name || one['username'] === name))
  const [person, other] = new Map(people.map((one) => [one['id'], one])).values()
  if (other !== undefined)
    throw new PopError('conflict', 'This is the name of one user and the id of another: give the other one of the two.')
  if (person === undefined) throw nobody()
  return readPerson(person)
}

function nobody(): PopError {
  return new PopError(
    'resource-not-found',
    'There is no user of this name or id: give it exactly, as the list shows it.',
  )
}

/** Most answers of Keycloak do not say whose account it is; under this name it makes those of clients, and we make no other. */
function isServiceAccount(value: unknown): boolean {
  const { serviceAccountClientId: clientId, username } = isJsonObject(value) ? value : {}
  return typeof clientId === 'string' || (typeof username === 'string' && isServiceAccountName(username))
}

/** Reads a user of Keycloak's API. Throws `identity-unavailable` for something else, `conflict` for an id that is not usable. */
export function readPerson(value: unknown): Person {
  const { id, username, email, firstName, lastName, enabled, createdTimestamp, requiredActions } = isJsonObject(value)
    ? value
    : {}
  if (typeof id !== 'string' || !isPlainText(username, 255) || typeof enabled !== 'boolean') throw garbled('a user')
  if (!isUsableId(id)) throw new PopError('conflict', `The id of this user is none that POP API can use: ${advice}.`)
  const escaped = escapeText(username)
  return {
    id,
    username,
    ...(escaped === username ? {} : { username_escaped: escaped }),
    ...(isPlainText(email, 255) ? { email } : {}),
    ...(isPlainText(firstName, 255) ? { first_name: firstName } : {}),
    ...(isPlainText(lastName, 255) ? { last_name: lastName } : {}),
    enabled,
    ...(isCount(createdTimestamp) ? { created: Math.floor(createdTimestamp / 1000) } : {}),
    required_actions: isTextList(requiredActions, 100, 128) ? requiredActions : [],
  }
}

const advice = 'do this in Keycloak itself, or give the user another id there'

/** Reads a user for a list, whatever Keycloak says of it: one that cannot be used hides no other. */
export function readListed(value: unknown): Person | UnusablePerson {
  const { id, username, enabled } = isJsonObject(value) ? value : {}
  if (typeof id === 'string' && isUsableId(id) && isPlainText(username, 255) && typeof enabled === 'boolean')
    return readPerson(value)
  const shown = (text: unknown): string =>
    typeof text === 'string' && text !== '' ? escapeText(text).slice(0, 255) : '-'
  const which = typeof id === 'string' && isUsableId(id) ? 'name or state' : 'id'
  const unusable = `its ${which} is none that can be used here`
  return { id: shown(id), username: shown(username), enabled: enabled === true, unusable }
}
