import { ownClients } from '@pop-api/protocol'
import { RealmError } from './connect-admin.ts'
import type { RealmRequest } from './realm-request.ts'
import { administration } from './wanted-clients.ts'

/** Clients that Keycloak makes in every realm, for its own pages and its own API: changed, they would serve nobody any more. */
const ofKeycloak: readonly string[] = [
  'account',
  'account-console',
  'admin-cli',
  'broker',
  administration,
  'security-admin-console',
]

/** Refuses names that would make one client of two, or take one of Keycloak's own. Throws a RealmError. */
export function refuseClashes(request: RealmRequest): void {
  const { modulePermissions, gatewayClient, audience, services } = request
  const names = [
    ...Object.values(ownClients),
    ...Object.keys(modulePermissions),
    gatewayClient.clientId,
    audience,
    ...services.map(({ clientId }) => clientId),
  ]
  const taken = names.find((name) => ofKeycloak.includes(name))
  if (taken !== undefined)
    throw new RealmError(`The client ${taken} is one of Keycloak's own: give the module or client another name.`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new RealmError(
      `Modules, services and identity.client_id and .audience need names of their own: ${twice} is there twice.`,
    )
}
