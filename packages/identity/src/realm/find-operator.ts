import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { explain } from './connect-admin.ts'

/** Whether somebody holds one of these roles. Accounts of programs do not count, nor what a group gives. Throws a RealmError. */
export async function hasOperator(
  keycloak: KeycloakAdminClient,
  realm: string,
  roles: readonly string[],
): Promise<boolean> {
  try {
    const holders = await Promise.all(roles.map((name) => keycloak.roles.findUsersWithRole({ realm, name })))
    return holders.flat().some(({ username = '' }) => !username.startsWith('service-account-'))
  } catch (error) {
    throw explain(error, `look for an operator of ${realm}`)
  }
}
