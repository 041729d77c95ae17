import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Fields } from '../compare.ts'
import type { Part } from '../part.ts'
import type { RealmRequest } from '../realm-request.ts'
import { scopeFields, type WantedClient, type WantedScope } from '../wanted-clients.ts'
import { madeHere } from '../wanted-realm.ts'
import { findClient, requireClient } from './find-client.ts'
import { isMarked } from './is-marked.ts'

const scopeKinds = ['defaultClientScopes', 'optionalClientScopes'] as const

/** A client with its settings; which scopes and roles it has are parts of their own, as Keycloak changes them by other calls. */
export function clientPart({ realm }: RealmRequest, { clientId, fields }: WantedClient): Part {
  const { defaultClientScopes: _default, optionalClientScopes: _optional, ...own } = fields
  return {
    name: `client ${clientId}`,
    wanted: (found) => markedIfOurs(own, found),
    find: async (keycloak) => {
      const found = await findClient(keycloak, realm, clientId)
      return found && { ...found }
    },
    create: async (keycloak, wanted) => {
      const { defaultClientScopes, optionalClientScopes } = scopesOf(fields)
      const scopes = { defaultClientScopes: [...defaultClientScopes], optionalClientScopes: [...optionalClientScopes] }
      await keycloak.clients.create({ realm, clientId, ...wanted, ...scopes })
    },
    change: async (keycloak, next) => {
      const id = await requireClient(keycloak, realm, clientId)
      // Scopes sent here are ignored by some versions and taken by others.
      const { defaultClientScopes: _given, optionalClientScopes: _offered, ...rest } = next
      await keycloak.clients.update({ realm, id }, rest)
    },
  }
}

/** Exactly these scopes: one more would put claims into tokens that nobody decided on. */
export function clientScopesPart({ realm }: RealmRequest, { clientId, fields }: WantedClient): Part {
  const wanted = scopesOf(fields)
  return {
    name: `scopes of client ${clientId}`,
    wanted: () => wanted,
    find: async (keycloak) => {
      const found = await findClient(keycloak, realm, clientId)
      return found && scopesOf({ ...found })
    },
    // Created with the client.
    create: () => Promise.resolve(),
    change: async (keycloak, _next, found) => {
      const id = await requireClient(keycloak, realm, clientId)
      const ids = new Map((await keycloak.clientScopes.find({ realm })).map(({ name, id: scope }) => [name, scope]))
      for (const kind of scopeKinds) {
        const [has, wants] = [listOf(found[kind]), listOf(wanted[kind])]
        for (const name of has.filter((one) => !wants.includes(one)))
          await setScope(keycloak, kind, 'del', realm, id, ids.get(name))
        for (const name of wants.filter((one) => !has.includes(one)))
          await setScope(keycloak, kind, 'add', realm, id, ids.get(name))
      }
    },
  }
}

/** Without our mark for what somebody else has made: that is set as wanted, and never taken away. */
function markedIfOurs(wanted: Fields, found: Fields | undefined): Fields {
  if (found === undefined || isMarked(found)) return wanted
  const attributes = Object.entries(Object(wanted['attributes'])).filter(([name]) => !Object.hasOwn(madeHere, name))
  return { ...wanted, attributes: Object.fromEntries(attributes) }
}

async function setScope(
  keycloak: KeycloakAdminClient,
  kind: (typeof scopeKinds)[number],
  verb: 'add' | 'del',
  realm: string,
  id: string,
  clientScopeId: string | undefined,
): Promise<void> {
  if (clientScopeId === undefined) return
  const which = { realm, id, clientScopeId }
  if (kind === 'defaultClientScopes') await keycloak.clients[`${verb}DefaultClientScope`](which)
  else await keycloak.clients[`${verb}OptionalClientScope`](which)
}

/** A client scope of ours and its mappers, each a part of its own. */
export function scopeParts({ realm }: RealmRequest, { name, description, mappers }: WantedScope): readonly Part[] {
  const wanted = { ...scopeFields, description }
  const scope: Part = {
    name: `client scope ${name}`,
    wanted: (found) => markedIfOurs(wanted, found),
    find: async (keycloak) => await findScope(keycloak, realm, name),
    create: async (keycloak) => {
      await keycloak.clientScopes.create({ realm, name, ...wanted })
    },
    change: async (keycloak, next) => {
      await keycloak.clientScopes.update({ realm, id: String(next['id']) }, next)
    },
  }
  return [scope, ...mappers.map((mapper) => mapperPart(realm, name, mapper))]
}

function mapperPart(realm: string, scopeName: string, mapper: WantedScope['mappers'][number]): Part {
  const { name, protocolMapper, config } = mapper
  const wanted = { protocol: 'openid-connect', protocolMapper, config }
  return {
    name: `mapper ${name} of client scope ${scopeName}`,
    wanted: () => wanted,
    find: async (keycloak) => {
      const scope = await findScope(keycloak, realm, scopeName)
      const mappers: unknown = scope?.['protocolMappers'] ?? []
      // Representations of Keycloak: objects with a name.
      const list = (Array.isArray(mappers) ? mappers : []) as readonly Fields[]
      return list.find((found) => found['name'] === name)
    },
    create: async (keycloak) => {
      const id = String((await findScope(keycloak, realm, scopeName))?.['id'])
      await keycloak.clientScopes.addProtocolMapper({ realm, id }, { name, ...wanted })
    },
    change: async (keycloak, next) => {
      const id = String((await findScope(keycloak, realm, scopeName))?.['id'])
      await keycloak.clientScopes.updateProtocolMapper({ realm, id, mapperId: String(next['id']) }, { ...next })
    },
  }
}

async function findScope(keycloak: KeycloakAdminClient, realm: string, name: string): Promise<Fields | undefined> {
  const found = (await keycloak.clientScopes.find({ realm })).find((scope) => scope.name === name)
  return found && { ...found }
}

function scopesOf(fields: Fields): Readonly<Record<(typeof scopeKinds)[number], readonly string[]>> {
  return {
    defaultClientScopes: listOf(fields['defaultClientScopes']),
    optionalClientScopes: listOf(fields['optionalClientScopes']),
  }
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
