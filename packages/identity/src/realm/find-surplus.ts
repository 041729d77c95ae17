import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Surplus } from './part.ts'
import type { RealmRequest } from './realm-request.ts'
import { wantedClients, wantedScopes } from './wanted-clients.ts'

/** What bears our mark and is wanted no more. Whatever an administrator made bears none and is never among it. */
export async function findSurplus(keycloak: KeycloakAdminClient, request: RealmRequest): Promise<readonly Surplus[]> {
  const { realm, roles, modulePermissions } = request
  const wantedIds = new Set([
    ...wantedClients(request).map(({ clientId }) => clientId),
    ...Object.keys(modulePermissions),
  ])
  const clients = await keycloak.clients.find({ realm })
  const found = clients.filter(({ attributes }) => attributes?.['pop.managed'] === 'true')
  const ofModules = found.filter(({ clientId = '' }) => Object.hasOwn(modulePermissions, clientId))
  const permissions = await Promise.all(
    ofModules.map(async ({ id = '', clientId = '' }) =>
      (await keycloak.clients.listRoles({ realm, id }))
        .filter(({ name = '' }) => modulePermissions[clientId]?.includes(name) !== true)
        .map(({ name = '' }) => ({
          name: `permission ${name} of ${clientId}`,
          remove: () => keycloak.clients.delRole({ realm, id, roleName: name }),
        })),
    ),
  )
  const scopeNames = wantedScopes(request).map(({ name }) => name)
  const scopes = (await keycloak.clientScopes.find({ realm })).filter(
    ({ name = '', attributes }) => !scopeNames.includes(name) && attributes?.['pop.managed'] === 'true',
  )
  const realmRoles = (await keycloak.roles.find({ realm, briefRepresentation: false })).filter(
    ({ name = '', attributes }) => !roles.includes(name) && String(attributes?.['pop.managed']) === 'true',
  )
  return [
    ...found
      .filter(({ clientId = '' }) => !wantedIds.has(clientId))
      .map(({ id = '', clientId = '' }) => ({
        name: `client ${clientId}`,
        remove: () => keycloak.clients.del({ realm, id }),
      })),
    ...scopes.map(({ id = '', name = '' }) => ({
      name: `client scope ${name}`,
      remove: () => keycloak.clientScopes.del({ realm, id }),
    })),
    ...permissions.flat(),
    ...realmRoles.map(({ name = '' }) => ({
      name: `role ${name}`,
      remove: () => keycloak.roles.delByName({ realm, name }),
    })),
  ]
}
