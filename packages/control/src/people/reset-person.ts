import { settingsInForce } from '../settings/settings-desk.ts'
import { update } from './bar-person.ts'
import { after, isUnknown } from './keycloak-refusal.ts'
import { makePassword } from './make-password.ts'
import { positionOf, refuseSelf, revokeAll, signedOut, withAccount, type PeopleRequest } from './people-context.ts'
import { readPasswordRequest, readReasonRequest } from './people-requests.ts'
import { findPerson, readPerson, type Person } from './person.ts'
import { refuseAdministrator } from './refuse-administrator.ts'
import { otpCredentials } from './read-people.ts'
import type { KeptRevocation } from '../incident/revocation-desk.ts'

/**
 * `POST …/reset-password`: another password, good for one sign-in, which asks for a new one. Then everything is revoked that the person,
 * or whoever knew the old one, holds. Throws `body-invalid` for a password that is refused, `conflict` for the own account.
 */
export async function resetPassword(request: PeopleRequest, body: unknown): Promise<object> {
  const { context } = request
  const { minimum_password_length: lengthMin } = settingsInForce(context.store).security_config
  return await withAccount(request, async ({ about, announce, tell }) => {
    const { reason = 'password reset', password: given } = readPasswordRequest(body, lengthMin)
    const password = given ?? makePassword(lengthMin)
    const { user, revocation } = await context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      refuseSelf(request, person, 'reset the password of')
      await refuseAdministrator(keycloak, person)
      await announce(reason)
      const credential = { type: 'password', value: password, temporary: true }
      const revoked = await thenRevoke(request, { person, reason }, () =>
        keycloak.users.resetPassword({ id: person.id, credential }),
      )
      return { user: readPerson(await keycloak.users.findOne({ id: person.id })), revocation: revoked }
    })
    tell(`${user.username}: ${reason}`)
    const answer = { user, ...(await signedOut(request, revocation)), ...positionOf(request) }
    return given === undefined ? { ...answer, password } : answer
  })
}

/**
 * `POST …/reset-2fa`: the second factor is gone, and the next sign-in sets up another. Then everything is revoked that the person holds.
 * Throws `conflict` for the own account.
 */
export async function resetSecondFactor(request: PeopleRequest, body: unknown): Promise<object> {
  return await withAccount(request, async ({ about, announce, tell }) => {
    const { reason = 'second factor reset' } = readReasonRequest(body)
    const { user, revocation } = await request.context.askKeycloak(async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      refuseSelf(request, person, 'reset the second factor of')
      await refuseAdministrator(keycloak, person)
      await announce(reason)
      const requiredActions = [...new Set([...person.required_actions, 'CONFIGURE_TOTP'])]
      const revoked = await thenRevoke(request, { person, reason }, async () => {
        // First, so that at no moment a password alone is all that is asked for.
        await update(keycloak, person, { requiredActions })
        for (const credentialId of await otpCredentials(keycloak, person.id))
          await keycloak.users.deleteCredential({ id: person.id, credentialId })
      })
      return { user: readPerson(await keycloak.users.findOne({ id: person.id })), revocation: revoked }
    })
    tell(`${user.username}: ${reason}`)
    return { user, ...(await signedOut(request, revocation)), ...positionOf(request) }
  })
}

/** Changes something at Keycloak and revokes behind it: also where nobody knows whether Keycloak did it. */
async function thenRevoke(
  request: PeopleRequest,
  { person, reason }: { readonly person: Person; readonly reason: string },
  change: () => Promise<unknown>,
): Promise<KeptRevocation> {
  try {
    await change()
  } catch (failure) {
    if (!isUnknown(failure)) throw failure
    revokeAll(request, person, reason)
    throw after('What the user held is revoked, but Keycloak may not have done its part: try again.', failure)
  }
  return revokeAll(request, person, reason)
}
