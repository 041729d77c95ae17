import type { Part } from '../part.ts'
import type { RealmRequest } from '../realm-request.ts'
import { wantedPasswordPolicy, wantedRealm } from '../wanted-realm.ts'

/** The realm itself. */
export function realmPart(request: RealmRequest): Part {
  const { realm, security } = request
  return {
    name: `realm ${realm}`,
    wanted: (found) => ({
      ...wantedRealm(request),
      passwordPolicy: wantedPasswordPolicy(textOf(found?.['passwordPolicy']), security.passwordLengthMin),
    }),
    find: async (keycloak) => ({ ...(await keycloak.realms.findOne({ realm })) }),
    create: async (keycloak, wanted) => {
      await keycloak.realms.create({ realm, ...wanted })
    },
    change: (keycloak, next) => keycloak.realms.update({ realm }, next),
  }
}

/** Whoever has no second factor yet is made to enrol one at the next sign-in. */
export function enrolmentPart({ realm, security }: RealmRequest): Part {
  const alias = 'CONFIGURE_TOTP'
  return {
    name: `required action ${alias}`,
    wanted: () => ({ enabled: true, defaultAction: security.requireSecondFactor }),
    find: async (keycloak) => {
      const actions = await keycloak.authenticationManagement.getRequiredActions()
      const found = actions.find((action) => action.alias === alias)
      return found && { ...found }
    },
    create: async (keycloak, wanted) => {
      await keycloak.authenticationManagement.registerRequiredAction({ realm, providerId: alias, name: alias })
      await keycloak.authenticationManagement.updateRequiredAction({ realm, alias }, { alias, ...wanted })
    },
    change: (keycloak, next) => keycloak.authenticationManagement.updateRequiredAction({ realm, alias }, next),
  }
}

/** Names and addresses of people are not ours to ask for: a user without them must be able to sign in. */
export function profilePart({ realm }: RealmRequest): Part {
  const optional = ['email', 'firstName', 'lastName']
  return {
    name: 'user profile',
    wanted: () => Object.fromEntries(optional.map((name) => [name, 'optional'])),
    find: async (keycloak) => {
      const { attributes = [] } = await keycloak.users.getProfile({ realm })
      const found = attributes.filter(({ name }) => name !== undefined && optional.includes(name))
      const absent = optional.filter((name) => found.every((attribute) => attribute.name !== name))
      return Object.fromEntries([
        ...found.map(({ name = '', required }) => [name, required === undefined ? 'optional' : 'required'] as const),
        ...absent.map((name) => [name, 'optional'] as const),
      ])
    },
    // Every realm has a profile.
    create: () => Promise.resolve(),
    change: async (keycloak) => {
      const profile = await keycloak.users.getProfile({ realm })
      const attributes = (profile.attributes ?? []).map((attribute) => {
        if (attribute.name === undefined || !optional.includes(attribute.name)) return attribute
        const { required: _demand, ...rest } = attribute
        return rest
      })
      await keycloak.users.updateProfile({ realm, ...profile, attributes })
    },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
