import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { RealmError } from '../connect-admin.ts'

type Client = Awaited<ReturnType<KeycloakAdminClient['clients']['find']>>[number]

/** The client of this name; undefined where there is none. */
export async function findClient(
  keycloak: KeycloakAdminClient,
  realm: string,
  clientId: string,
): Promise<(Client & { readonly id: string }) | undefined> {
  const [found] = await keycloak.clients.find({ realm, clientId })
  return found?.id === undefined ? undefined : { ...found, id: found.id }
}

/** Keycloak's own id of a client that must be there. Throws a RealmError. */
export async function requireClient(keycloak: KeycloakAdminClient, realm: string, clientId: string): Promise<string> {
  const found = await findClient(keycloak, realm, clientId)
  if (found === undefined) throw new RealmError(`The realm ${realm} has no client ${clientId}.`)
  return found.id
}
