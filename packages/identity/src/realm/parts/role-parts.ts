import type { Part } from '../part.ts'
import type { RealmRequest } from '../realm-request.ts'
import { findClient, requireClient } from './find-client.ts'
import { isMarked } from './is-marked.ts'

/** Roles carry the mark as a list, as all their attributes. */
const mark = { 'pop.managed': ['true'] }

/** A realm role for each role of `pop.yaml`. */
export function rolePart({ realm }: RealmRequest, name: string): Part {
  return {
    name: `role ${name}`,
    // One that somebody else has made stays theirs, or it would be taken away once nobody wants it here.
    wanted: (found) => (found === undefined || isMarked(found) ? { attributes: mark } : {}),
    find: async (keycloak) => {
      const found = await keycloak.roles.findOneByName({ realm, name }, { catchNotFound: true })
      return found === undefined || found === null ? undefined : { ...found }
    },
    create: async (keycloak) => {
      await keycloak.roles.create({ realm, name, attributes: mark })
      // Creation takes no attributes.
      await keycloak.roles.updateByName({ realm, name }, { name, attributes: mark })
    },
    change: (keycloak, next) => keycloak.roles.updateByName({ realm, name }, { name, ...next }),
  }
}

/** A client role for each permission of a module. */
export function permissionPart({ realm }: RealmRequest, module: string, roleName: string): Part {
  return {
    name: `permission ${roleName} of ${module}`,
    wanted: () => ({ clientRole: true }),
    find: async (keycloak) => {
      const client = await findClient(keycloak, realm, module)
      const found = client && (await keycloak.clients.findRole({ realm, id: client.id, roleName }))
      return found === undefined || found === null ? undefined : { ...found }
    },
    create: async (keycloak) => {
      const id = await requireClient(keycloak, realm, module)
      await keycloak.clients.createRole({ realm, id, name: roleName })
    },
    // There is nothing to change about one.
    change: () => Promise.resolve(),
  }
}
