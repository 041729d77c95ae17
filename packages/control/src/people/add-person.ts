import { garbled, after } from './keycloak-refusal.ts'
import { makePassword } from './make-password.ts'
import { withAccount, type PeopleRequest } from './people-context.ts'
import { readAddRequest } from './people-requests.ts'
import { isUsableId, readPerson } from './person.ts'
import { showPerson } from './read-people.ts'
import { findRoles, ourRoles, requireOurRoles } from './roles.ts'
import { settingsInForce } from '../settings/settings-desk.ts'

/**
 * `POST /v1/pop/users`: a user with roles of ours and a password for the first sign-in, which then asks for another and, where
 * `require_2fa` says so, for a second factor. Throws `body-invalid`, `resource-exists`. The body is untrusted.
 */
export async function addPerson(request: PeopleRequest, body: unknown): Promise<object> {
  const { context } = request
  const { require_2fa: requires2fa, minimum_password_length: lengthMin } = settingsInForce(
    context.store,
  ).security_config
  return await withAccount(request, async ({ about, announce, tell }) => {
    const wanted = readAddRequest(body, lengthMin)
    const { username, email, first_name: firstName, last_name: lastName, roles } = wanted
    requireOurRoles(roles, ourRoles(context.policy()))
    const password = wanted.password ?? makePassword(lengthMin)
    const user = await context.askKeycloak(async (keycloak) => {
      const found = await findRoles(keycloak, roles)
      await announce(`${username}: ${roles.length === 0 ? 'no roles' : roles.join(', ')}`)
      const { id } = await keycloak.users.create({
        username,
        enabled: true,
        ...(email === undefined ? {} : { email }),
        ...(firstName === undefined ? {} : { firstName }),
        ...(lastName === undefined ? {} : { lastName }),
        requiredActions: ['UPDATE_PASSWORD', ...(requires2fa ? ['CONFIGURE_TOTP'] : [])],
        credentials: [{ type: 'password', value: password, temporary: true }],
      })
      if (!isUsableId(id)) throw garbled('an id')
      about({ id })
      try {
        if (found.length > 0) await keycloak.users.addRealmRoleMappings({ id, roles: [...found] })
        return await showPerson(request, keycloak, readPerson(await keycloak.users.findOne({ id })))
      } catch (failure) {
        throw after(
          'The user was added, perhaps without roles and with a password that nobody knows: see pop user show.',
          failure,
        )
      }
    })
    tell(`${user.username}: ${user.roles.length === 0 ? 'no roles' : user.roles.join(', ')}`)
    // A password that was given is known to whoever gave it.
    return { user, ...(wanted.password === undefined ? { password } : {}) }
  })
}
