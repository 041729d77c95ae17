import { RealmError } from '../connect-admin.ts'
import type { Part } from '../part.ts'
import type { BroughtUser, RealmRequest } from '../realm-request.ts'

/**
 * A person brought along from the embedded provider with id, password, second factor and roles, so that what they own stays theirs.
 * Only ever made: from then on Keycloak knows better.
 */
export function broughtUserPart({ realm, security }: RealmRequest, user: BroughtUser): Part {
  const { id, username } = user
  return {
    name: `user ${username}`,
    wanted: (found) => (found === undefined ? { id, username, roles: user.roles } : {}),
    find: async (keycloak) => {
      const found = await keycloak.users.findOne({ realm, id })
      if (found !== null && found !== undefined) return { ...found }
      const [namesake] = await keycloak.users.find({ realm, username, exact: true })
      if (namesake === undefined) return undefined
      const next = 'Leave the users out with --without-users, or remove that one first'
      throw new RealmError(`The realm has another user ${username}, who would not own what this one owns. ${next}.`)
    },
    create: async (keycloak) => {
      const realmRoles = [...user.roles]
      const enrols = security.requireSecondFactor && user.totpSecret === undefined
      await keycloak.realms.partialImport({
        realm,
        rep: {
          ifResourceExists: 'FAIL',
          users: [
            {
              id,
              username,
              enabled: true,
              requiredActions: enrols ? ['CONFIGURE_TOTP'] : [],
              credentials: credentialsOf(user),
              realmRoles,
            },
          ],
        },
      })
    },
    change: () => Promise.resolve(),
  }
}

function credentialsOf({ password, totpSecret }: BroughtUser) {
  const ofPassword = { type: 'password', value: password, temporary: false }
  if (totpSecret === undefined) return [ofPassword]
  return [
    ofPassword,
    {
      type: 'otp',
      userLabel: 'brought along',
      secretData: JSON.stringify({ value: totpSecret }),
      credentialData: JSON.stringify({
        subType: 'totp',
        digits: 6,
        counter: 0,
        period: 30,
        algorithm: 'HmacSHA1',
        secretEncoding: 'BASE32',
      }),
    },
  ]
}
