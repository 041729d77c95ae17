import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isCount, isJsonObject, isPlainText, isTextList, PopError } from '@pop-api/protocol'
import { garbled } from './keycloak-refusal.ts'

/** A user as Keycloak has it. */
export interface Person {
  readonly id: string
  readonly username: string
  readonly email?: string
  readonly first_name?: string
  readonly last_name?: string
  readonly enabled: boolean
  /** Seconds since 1970. */
  readonly created?: number
  /** What the person is asked to do at the next sign-in, by Keycloak's names. */
  readonly required_actions: readonly string[]
}

/** Ids as Keycloak makes them, and no names: nobody is given one. */
export const idShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The subject of a person's tokens. */
export function subjectOf({ id }: Pick<Person, 'id'>): string {
  return `user:${id}`
}

/**
 * The one person of this username or id. Throws `resource-not-found`, and `conflict` where the name of one is the id of another. A service
 * account is nobody. Untrusted input.
 */
export async function findPerson(keycloak: KeycloakAdminClient, name: string): Promise<Person> {
  if (!isPlainText(name, 255)) throw nobody()
  const byName: unknown = await keycloak.users.find({ username: name, exact: true, max: 10 })
  if (!Array.isArray(byName)) throw garbled('users')
  const byId: unknown = idShape.test(name) ? await keycloak.users.findOne({ id: name }) : undefined
  const found: readonly unknown[] = byId === undefined || byId === null ? byName : [...byName, byId]
  const read = found.filter((one) => !isServiceAccount(one)).map(readPerson)
  const people = read.filter(({ id, username }) => id === name || username === name)
  const [person, other] = new Map(people.map((one) => [one.id, one])).values()
  if (other !== undefined)
    throw new PopError('conflict', 'This is the name of one user and the id of another: give the other one of the two.')
  if (person === undefined) throw nobody()
  return person
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

/** Whether Keycloak would take this for the name of a client's own account. */
export function isServiceAccountName(username: string): boolean {
  return username.toLowerCase().startsWith('service-account-')
}

/** Reads a user of Keycloak's API. Throws `identity-unavailable` for something else. */
export function readPerson(value: unknown): Person {
  const { id, username, email, firstName, lastName, enabled, createdTimestamp, requiredActions } = isJsonObject(value)
    ? value
    : {}
  if (typeof id !== 'string' || !idShape.test(id) || !isPlainText(username, 255) || typeof enabled !== 'boolean')
    throw garbled('a user')
  return {
    id,
    username,
    ...(isPlainText(email, 255) ? { email } : {}),
    ...(isPlainText(firstName, 255) ? { first_name: firstName } : {}),
    ...(isPlainText(lastName, 255) ? { last_name: lastName } : {}),
    enabled,
    ...(isCount(createdTimestamp) ? { created: Math.floor(createdTimestamp / 1000) } : {}),
    required_actions: isTextList(requiredActions, 100, 128) ? requiredActions : [],
  }
}
