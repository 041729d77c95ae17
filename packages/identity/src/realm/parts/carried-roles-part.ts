import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Part } from '../part.ts'
import type { RealmRequest } from '../realm-request.ts'
import { administration, controlClientId, type WantedClient } from '../wanted-clients.ts'
import { findClient, requireClient } from './find-client.ts'

/** Of whose roles a client's tokens may speak: realm roles, and client roles as `client/role`. */
type RoleNames = readonly string[]

/** The roles that tokens of a client may carry: with the user's own roles, that is what comes into a token. */
export function carriedRolesPart(request: RealmRequest, client: WantedClient): Part {
  const { realm } = request
  const wanted = carriedBy(request, client)
  return {
    name: `roles in tokens of client ${client.clientId}`,
    wanted: () => ({ roles: wanted }),
    find: async (keycloak) => {
      const found = await findClient(keycloak, realm, client.clientId)
      return found && { roles: await mappedRoles(keycloak, realm, found.id) }
    },
    create: (keycloak) => setMapped(keycloak, request, client.clientId, [], wanted),
    change: async (keycloak, _next, found) => {
      await setMapped(keycloak, request, client.clientId, listOf(found['roles']), wanted)
    },
  }
}

function carriedBy({ roles, modulePermissions }: RealmRequest, { carries, clientId }: WantedClient): RoleNames {
  if (carries === 'nothing') return []
  if (carries !== 'everything') return namesFor(clientId, carries)
  const permissions = Object.entries(modulePermissions).flatMap(([module, list]) =>
    list.map((name) => `${module}/${name}`),
  )
  return [...roles, ...permissions]
}

/** Control's roles are those of Keycloak's own administration. */
function namesFor(clientId: string, roles: readonly string[]): RoleNames {
  return clientId === controlClientId ? roles.map((role) => `${administration}/${role}`) : roles
}

async function mappedRoles(keycloak: KeycloakAdminClient, realm: string, id: string): Promise<RoleNames> {
  return namesOf(await keycloak.clients.listScopeMappings({ realm, id }))
}

type Mappings = Awaited<ReturnType<KeycloakAdminClient['users']['listRoleMappings']>>

/** The library does not say what a client's mappings are. */
interface ClientMappings {
  readonly client: string
  readonly mappings?: readonly { readonly name?: string }[]
}

function namesOf({ realmMappings = [], clientMappings = {} }: Mappings): RoleNames {
  const ofClients = Object.values<ClientMappings>(clientMappings).flatMap(({ client, mappings = [] }) =>
    mappings.map(({ name = '' }) => `${client}/${name}`),
  )
  return [...realmMappings.map(({ name = '' }) => name), ...ofClients]
}

async function setMapped(
  keycloak: KeycloakAdminClient,
  { realm }: RealmRequest,
  clientId: string,
  found: RoleNames,
  wanted: RoleNames,
): Promise<void> {
  const id = await requireClient(keycloak, realm, clientId)
  for (const name of found.filter((role) => !wanted.includes(role))) {
    const { owner, roles } = await rolesOf(keycloak, realm, name)
    if (owner === undefined) await keycloak.clients.delRealmScopeMappings({ realm, id }, roles)
    else await keycloak.clients.delClientScopeMappings({ realm, id, client: owner }, roles)
  }
  for (const name of wanted.filter((role) => !found.includes(role))) {
    const { owner, roles } = await rolesOf(keycloak, realm, name)
    if (owner === undefined) await keycloak.clients.addRealmScopeMappings({ realm, id }, roles)
    else await keycloak.clients.addClientScopeMappings({ realm, id, client: owner }, roles)
  }
}

/** The roles that a service client's own account has. Roles that Keycloak gives to every user are left alone. */
export function serviceRolesPart(request: RealmRequest, client: WantedClient): Part {
  const { realm } = request
  const wanted = namesFor(client.clientId, client.holds)
  const isOurs = (name: string): boolean => name.includes('/') || request.roles.includes(name)
  return {
    name: `roles of client ${client.clientId}`,
    wanted: () => ({ roles: wanted }),
    find: async (keycloak) => {
      const found = await findClient(keycloak, realm, client.clientId)
      if (found === undefined) return undefined
      const user = await keycloak.clients.getServiceAccountUser({ realm, id: found.id })
      return { roles: (await heldRoles(keycloak, realm, user.id ?? '')).filter(isOurs) }
    },
    create: () => Promise.resolve(),
    change: async (keycloak, _next, found) => {
      const client_ = await requireClient(keycloak, realm, client.clientId)
      const { id = '' } = await keycloak.clients.getServiceAccountUser({ realm, id: client_ })
      const has = listOf(found['roles'])
      for (const name of has.filter((role) => !wanted.includes(role))) await setHeld(keycloak, realm, id, name, 'del')
      for (const name of wanted.filter((role) => !has.includes(role))) await setHeld(keycloak, realm, id, name, 'add')
    },
  }
}

async function heldRoles(keycloak: KeycloakAdminClient, realm: string, id: string): Promise<RoleNames> {
  return namesOf(await keycloak.users.listRoleMappings({ realm, id }))
}

async function setHeld(
  keycloak: KeycloakAdminClient,
  realm: string,
  id: string,
  name: string,
  verb: 'add' | 'del',
): Promise<void> {
  const { owner, roles } = await rolesOf(keycloak, realm, name)
  if (owner === undefined) await keycloak.users[`${verb}RealmRoleMappings`]({ realm, id, roles })
  else await keycloak.users[`${verb}ClientRoleMappings`]({ realm, id, clientUniqueId: owner, roles })
}

/** A role by its name here, as the calls of the admin API want it; `owner` is the id of the client that it belongs to. */
async function rolesOf(keycloak: KeycloakAdminClient, realm: string, name: string) {
  const slash = name.indexOf('/')
  if (slash < 0) {
    const role = await keycloak.roles.findOneByName({ realm, name })
    return { owner: undefined, roles: [{ id: role?.id ?? '', name }] }
  }
  const owner = await requireClient(keycloak, realm, name.slice(0, slash))
  const role = await keycloak.clients.findRole({ realm, id: owner, roleName: name.slice(slash + 1) })
  return { owner, roles: [{ id: role?.id ?? '', name: role?.name ?? '' }] }
}

function listOf(value: unknown): RoleNames {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
