import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isCount, isJsonObject, type QueryPair } from '@pop-api/protocol'
import { garbled } from './keycloak-refusal.ts'
import { withAccount, type PeopleRequest } from './people-context.ts'
import { readListRequest } from './people-requests.ts'
import { findPerson, readListed, type Person } from './person.ts'
import { ourRoles, rolesOf } from './roles.ts'
import { listSessions, type PersonSession } from './sessions.ts'

/** Everything that an operator wants to know of somebody. */
export interface ShownPerson extends Person {
  /** Roles of ours that the person was given. */
  readonly roles: readonly string[]
  /** Roles of ours that come by a group or another role; taken away there. */
  readonly inherited_roles: readonly string[]
  readonly second_factor: 'set_up' | 'missing'
  /** Seconds since 1970; only while too many failures lock the account. */
  readonly locked_until?: number
  /** Of the latest access. */
  readonly sessions: readonly PersonSession[]
}

const sessionsShownMax = 5

/** `GET /v1/pop/users`: one part of the list, by name. */
export async function listPeople(request: PeopleRequest, query: readonly QueryPair[]): Promise<object> {
  return await withAccount(request, async ({ tell }) => {
    const { search, first, max } = readListRequest(query)
    const wanted = { first, max: max + 1, ...(search === undefined ? {} : { search }) }
    const found: unknown = await request.context.askKeycloak((keycloak) => keycloak.users.find(wanted))
    if (!Array.isArray(found)) throw garbled('users')
    const users = found.slice(0, max).map(readListed)
    tell(`${users.length} shown`)
    return { users, first, max, more: found.length > max }
  })
}

/** `GET /v1/pop/users/{user}`. */
export async function readOnePerson(request: PeopleRequest): Promise<object> {
  return await withAccount(request, ({ about }) =>
    request.context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      return { user: await showPerson(request, keycloak, person) }
    }),
  )
}

/** `GET /v1/pop/users/{user}/sessions`. */
export async function readSessions(request: PeopleRequest): Promise<object> {
  return await withAccount(request, ({ about }) =>
    request.context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      const { id, username } = person
      return { user: { id, username }, sessions: await listSessions(keycloak, id) }
    }),
  )
}

/** Gathers what there is to be known of a person. */
export async function showPerson(
  { context }: Pick<PeopleRequest, 'context'>,
  keycloak: KeycloakAdminClient,
  person: Person,
): Promise<ShownPerson> {
  const { id } = person
  const [{ direct, inherited }, credentials, lock, sessions] = await Promise.all([
    rolesOf(keycloak, id, ourRoles(context.policy())),
    otpCredentials(keycloak, id),
    lockedUntil(keycloak, id),
    listSessions(keycloak, id),
  ])
  return {
    ...person,
    roles: direct.map(({ name }) => name).toSorted(),
    inherited_roles: inherited.toSorted(),
    second_factor: credentials.length > 0 ? 'set_up' : 'missing',
    ...(lock === undefined ? {} : { locked_until: lock }),
    sessions: sessions.slice(0, sessionsShownMax),
  }
}

/** Ids of the second factors that a person has set up. */
export async function otpCredentials(keycloak: KeycloakAdminClient, id: string): Promise<readonly string[]> {
  const credentials: unknown = await keycloak.users.getCredentials({ id })
  if (!Array.isArray(credentials)) throw garbled('credentials')
  return credentials.flatMap((credential: unknown) => {
    const { id: credentialId, type } = isJsonObject(credential) ? credential : {}
    if (typeof credentialId !== 'string') throw garbled('a credential')
    return type === 'otp' ? [credentialId] : []
  })
}

/** When the account may be tried again (seconds since 1970); undefined where it is not locked. */
async function lockedUntil(keycloak: KeycloakAdminClient, id: string): Promise<number | undefined> {
  const state: unknown = await keycloak.attackDetection.findOne({ id })
  const { disabled, failedLoginNotBefore: until } = isJsonObject(state) ? state : {}
  if (disabled !== true) return undefined
  return isCount(until) ? until : 0
}
