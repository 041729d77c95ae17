import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { differences, merged, type FieldChange, type Fields } from './compare.ts'

/** One thing of a realm that `pop.yaml` decides: a client, a role, a flow. */
export interface Part {
  /** For people: `client pop-gateway`. */
  readonly name: string
  readonly wanted: (found: Fields | undefined) => Fields
  /** What there is; undefined where there is nothing. Called before every comparison, so it may ask the server each time. */
  readonly find: (keycloak: KeycloakAdminClient) => Promise<Fields | undefined>
  readonly create: (keycloak: KeycloakAdminClient, wanted: Fields) => Promise<void>
  /** `next` is what was found with every wanted field as wanted. */
  readonly change: (keycloak: KeycloakAdminClient, next: Fields, found: Fields) => Promise<void>
}

/** Something that this program made once and that nobody wants any more. */
export interface Surplus {
  readonly name: string
  readonly remove: () => Promise<void>
}

/** One line of a plan. */
export interface Change {
  readonly verb: 'create' | 'change' | 'remove'
  readonly name: string
  readonly fields: readonly FieldChange[]
}

/** What would have to be done about a part; undefined where it is as wanted. */
export async function compare(part: Part, keycloak: KeycloakAdminClient): Promise<Change | undefined> {
  const found = await part.find(keycloak)
  const wanted = part.wanted(found)
  const fields = differences(found ?? {}, wanted)
  if (found === undefined) return { verb: 'create', name: part.name, fields }
  return fields.length === 0 ? undefined : { verb: 'change', name: part.name, fields }
}

/** Makes a part as it is wanted; undefined where it was so already. */
export async function settle(part: Part, keycloak: KeycloakAdminClient): Promise<Change | undefined> {
  const found = await part.find(keycloak)
  const wanted = part.wanted(found)
  const fields = differences(found ?? {}, wanted)
  if (found === undefined) {
    await part.create(keycloak, wanted)
    return { verb: 'create', name: part.name, fields }
  }
  if (fields.length === 0) return undefined
  await part.change(keycloak, merged(found, wanted), found)
  return { verb: 'change', name: part.name, fields }
}
