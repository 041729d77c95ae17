import { settingsInForce } from '../settings/settings-desk.ts'
import { isUnknown } from './keycloak-refusal.ts'
import {
  positionOf,
  refuseSelf,
  revokeAll,
  signedOut,
  takeRights,
  withAccount,
  type PeopleRequest,
} from './people-context.ts'
import { readRolesRequest } from './people-requests.ts'
import { findPerson } from './person.ts'
import { showPerson } from './read-people.ts'
import { findRoles, makesOperator, ourRoles, requireOurRoles, rolesOf } from './roles.ts'

/**
 * `PUT /v1/pop/users/{user}/roles`: exactly these of our roles, whatever else the person has at Keycloak. Whoever loses one is signed
 * out, for a token carries its roles until it ends. Throws `body-invalid`, `conflict` for an operator who would lose that himself.
 */
export async function changeRoles(request: PeopleRequest, body: unknown): Promise<object> {
  const { context } = request
  return await withAccount(request, async ({ about, announce, tell }) => {
    const { roles: wanted, reason } = readRolesRequest(body)
    const ours = ourRoles(context.policy())
    requireOurRoles(wanted, ours)
    const { operators } = settingsInForce(context.store)
    const { user, revocation } = await takeRights(request, async (keycloak) => {
      const person = await findPerson(keycloak, request.name)
      about(person)
      const { direct, inherited } = await rolesOf(keycloak, person.id, ours)
      if (!makesOperator([...wanted, ...inherited], operators))
        refuseSelf(request, person, 'take the role of an operator from')
      const lost = direct.filter(({ name }) => !wanted.includes(name))
      const held = new Set(direct.map(({ name }) => name))
      const gained = await findRoles(
        keycloak,
        wanted.filter((name) => !held.has(name)),
      )
      const change = [...gained.map(({ name }) => `+${name}`), ...lost.map(({ name }) => `-${name}`)].join(' ')
      await announce(change === '' ? 'nothing changes' : change)
      const why = reason ?? 'roles taken away'
      try {
        if (lost.length > 0) await keycloak.users.delRealmRoleMappings({ id: person.id, roles: [...lost] })
      } catch (failure) {
        // Perhaps they are gone: a token must not go on carrying them.
        if (isUnknown(failure)) revokeAll(request, person, why)
        throw failure
      }
      const revocation = lost.length > 0 ? revokeAll(request, person, why) : undefined
      if (gained.length > 0) await keycloak.users.addRealmRoleMappings({ id: person.id, roles: [...gained] })
      tell(`${change === '' ? 'nothing changed' : change}${reason === undefined ? '' : `; ${reason}`}`)
      return { user: await showPerson(request, keycloak, person), revocation }
    })
    return { user, ...(revocation === undefined ? {} : await signedOut(request, revocation)), ...positionOf(request) }
  })
}
