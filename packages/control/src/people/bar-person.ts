import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { after } from './keycloak-refusal.ts'
import {
  forgetFailures,
  positionOf,
  refuseSelf,
  revokeAgainIfLate,
  revokeAll,
  signedOut,
  takeRights,
  withAccount,
  type PeopleRequest,
} from './people-context.ts'
import { readReasonRequest } from './people-requests.ts'
import { findPerson, readPerson, type Person } from './person.ts'

/**
 * `POST …/disable`: what the person holds is revoked everywhere before Keycloak is asked to let nobody in under this name any more:
 * Keycloak itself tells nobody of it. Throws `conflict` for the own account.
 */
export async function disablePerson(request: PeopleRequest, body: unknown): Promise<object> {
  return await withAccount(request, async ({ about, announce, tell }) => {
    const reason = readReasonRequest(body).reason ?? 'disabled'
    const { user, revocation } = await takeRights(request, async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      refuseSelf(request, person, 'disable')
      await announce(reason)
      const first = revokeAll(request, person, reason)
      try {
        const changed = await update(keycloak, person, { enabled: false })
        return { user: changed, revocation: revokeAgainIfLate(request, person, first) }
      } catch (failure) {
        throw after(
          'What the user held is revoked, but whoever knows the password may still sign in: try again.',
          failure,
        )
      }
    })
    tell(`${user.username}: ${reason}`)
    return { user, ...(await signedOut(request, revocation)), ...positionOf(request) }
  })
}

/** `POST …/enable`: the person may sign in again. What was revoked stays so. */
export async function enablePerson(request: PeopleRequest, body: unknown): Promise<object> {
  return await withAccount(request, async ({ about, announce, tell }) => {
    const { reason } = readReasonRequest(body)
    const user = await request.context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      await announce(reason)
      return await update(keycloak, person, { enabled: true })
    })
    tell(saidOf(user, reason))
    return { user }
  })
}

/** `POST …/unlock`: the failures that lock an account are forgotten, by Keycloak and by every gateway that counts them. */
export async function unlockPerson(request: PeopleRequest, body: unknown): Promise<object> {
  return await withAccount(request, async ({ about, announce, tell }) => {
    const { reason } = readReasonRequest(body)
    const user = await request.context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      await announce(reason)
      await keycloak.attackDetection.del({ id: person.id })
      forgetFailures(request, person)
      return person
    })
    tell(saidOf(user, reason))
    return { user, ...positionOf(request) }
  })
}

/** `POST …/logout`: what the person holds is revoked everywhere, and the sessions are ended. */
export async function logOutPerson(request: PeopleRequest, body: unknown): Promise<object> {
  return await withAccount(request, async ({ about, announce, tell }) => {
    const reason = readReasonRequest(body).reason ?? 'signed out by an operator'
    const user = await request.context.askKeycloak((keycloak) => findPerson(keycloak, request.name))
    about(user)
    await announce(reason)
    const revocation = revokeAll(request, user, reason)
    tell(`${user.username}: ${reason}`)
    return { user, ...(await signedOut(request, revocation)), ...positionOf(request) }
  })
}

/** Changes what is named and gives the person as Keycloak has it then. */
export async function update(
  keycloak: KeycloakAdminClient,
  { id }: Person,
  change: Readonly<{ enabled?: boolean; requiredActions?: string[] }>,
): Promise<Person> {
  await keycloak.users.update({ id }, change)
  return readPerson(await keycloak.users.findOne({ id }))
}

function saidOf({ username }: Person, reason: string | undefined): string {
  return reason === undefined ? username : `${username}: ${reason}`
}
