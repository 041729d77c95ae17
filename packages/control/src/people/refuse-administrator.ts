import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isJsonObject, PopError } from '@pop-api/protocol'
import { garbled, notManaged } from './keycloak-refusal.ts'
import { idShape, type Person } from './person.ts'

/** Keycloak's own client, whose roles open its administration. */
const administration = 'realm-management'

/**
 * Refuses to touch the credentials of somebody who administers the realm, by whichever way the right has come (given directly, by a group,
 * by a role that is made of others): a new password and second factor would make an operator that person. Throws `conflict`.
 */
export async function refuseAdministrator(keycloak: KeycloakAdminClient, { id, username }: Person): Promise<void> {
  const clientUniqueId = await administrationId(keycloak)
  const rights: unknown = await keycloak.users.listCompositeClientRoleMappings({ id, clientUniqueId })
  if (!Array.isArray(rights)) throw garbled('roles')
  if (rights.length === 0) return
  throw new PopError('conflict', `${username} administers the realm at Keycloak: do this in Keycloak itself.`)
}

/** Throws `users-not-managed` where control may not look at clients: then nobody could be told from an administrator. */
async function administrationId(keycloak: KeycloakAdminClient): Promise<string> {
  const found: unknown = await keycloak.clients.find({ clientId: administration })
  const [client]: readonly unknown[] = Array.isArray(found) ? found : []
  const id = isJsonObject(client) ? client['id'] : undefined
  if (typeof id === 'string' && idShape.test(id)) return id
  throw notManaged('Control cannot see who administers the realm: run pop realm apply.')
}
