import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { isJsonObject, isPlainText, PopError, type PolicySection } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { garbled, notManaged } from './keycloak-refusal.ts'

/** A realm role, as Keycloak wants it named to give or take it. */
export interface RealmRole {
  readonly id: string
  readonly name: string
}

/** Roles of ours that somebody has: given to the person alone, and what comes by a group or another role. */
export interface HeldRoles {
  readonly direct: readonly RealmRole[]
  readonly inherited: readonly string[]
}

/** The roles of the settings. Everything else that somebody has at Keycloak is none of our business. */
export function ourRoles(policy: PolicySection): readonly string[] {
  return Object.keys(policy.roles)
}

/** What somebody has of these roles. */
export async function rolesOf(keycloak: KeycloakAdminClient, id: string, ours: readonly string[]): Promise<HeldRoles> {
  const isOurs = ({ name }: RealmRole): boolean => ours.includes(name)
  const direct = readRoles(await keycloak.users.listRealmRoleMappings({ id })).filter(isOurs)
  const all = readRoles(await keycloak.users.listCompositeRealmRoleMappings({ id })).filter(isOurs)
  const names = new Set(direct.map(({ name }) => name))
  return { direct, inherited: all.map(({ name }) => name).filter((name) => !names.has(name)) }
}

/** These roles as the realm has them. Throws `users-not-managed` for one that is missing there. */
export async function findRoles(
  keycloak: KeycloakAdminClient,
  names: readonly string[],
): Promise<readonly RealmRole[]> {
  const found: RealmRole[] = []
  for (const name of names) {
    const role: unknown = await keycloak.roles.findOneByName({ name })
    if (role === undefined || role === null) throw notManaged(`The realm has no role ${name} yet: run pop realm apply.`)
    found.push(...readRoles([role]))
  }
  return found
}

/** Throws `body-invalid` for a role that is none of ours. */
export function requireOurRoles(wanted: readonly string[], ours: readonly string[]): void {
  const unknown = wanted.find((name) => !ours.includes(name))
  if (unknown === undefined) return
  throw new PopError('body-invalid', `/roles: expected roles of pop.yaml (${ours.join(', ')}), found "${unknown}"`)
}

/** Whether one of these roles makes an operator. */
export function makesOperator(roles: readonly string[], operators: GatewaySettings['operators']): boolean {
  return roles.some((role) => Object.hasOwn(operators, role) && operators[role]?.includes('operator') === true)
}

function readRoles(value: unknown): readonly RealmRole[] {
  if (!Array.isArray(value)) throw garbled('roles')
  return value.map((role: unknown) => {
    const { id, name } = isJsonObject(role) ? role : {}
    if (isPlainText(id, 128) && isPlainText(name, 255)) return { id, name }
    throw garbled('a role')
  })
}
