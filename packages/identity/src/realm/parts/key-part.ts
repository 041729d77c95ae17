import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Part } from '../part.ts'

type Component = Awaited<ReturnType<KeycloakAdminClient['components']['find']>>[number]

const keyProvider = 'org.keycloak.keys.KeyProvider'
const ownName = 'pop signing'

/** A key of the realm that signs or verifies tokens, as `pop realm keys` shows it. */
export interface RealmKey {
  /** As it stands in the header of the tokens that it signed; undefined where Keycloak does not tell. */
  readonly kid: string | undefined
  readonly algorithm: string | undefined
  /** `signs`: new tokens; `waits`: it would, were the one that signs away; `verifies`: only those that it signed before; `off`: none. */
  readonly state: 'signs' | 'waits' | 'verifies' | 'off'
  /** Of those that could sign with an algorithm, the one with the highest signs. */
  readonly priority: number
  /** The component of Keycloak that it comes from. */
  readonly name: string
  readonly id: string
}

/** The realm signs with a key of its own, 2048 bits RSA, made by Keycloak and never taken out of it. */
export function signingKeyPart(realm: string, nowMs: () => number): Part {
  return {
    name: 'signing key',
    wanted: () => ({ signs: true }),
    find: async (keycloak) => ({ signs: (await findKeys(keycloak, realm)).some(isActive) }),
    create: () => Promise.resolve(),
    change: (keycloak) => addKey(keycloak, realm, nowMs()),
  }
}

/** The RSA keys of a realm, the one that signs first. */
export async function listKeys(keycloak: KeycloakAdminClient, realm: string): Promise<readonly RealmKey[]> {
  const { active = {}, keys: metadata = [] } = await keycloak.realms.getKeys({ realm })
  const keys = (await findKeys(keycloak, realm)).map((component): RealmKey => {
    const { id = '', name = '' } = component
    const { kid, algorithm } = metadata.find(({ providerId }) => providerId === id) ?? {}
    const signs = kid !== undefined && algorithm !== undefined && active[algorithm] === kid
    return { kid, algorithm, state: stateOf(component, signs), priority: priorityOf(component), name, id }
  })
  return keys.toSorted((one, other) => rank(one) - rank(other) || other.priority - one.priority)
}

function stateOf(key: Component, signs: boolean): RealmKey['state'] {
  if (!isOn(key, 'enabled')) return 'off'
  if (!isActive(key)) return 'verifies'
  return signs ? 'signs' : 'waits'
}

function rank({ state }: RealmKey): number {
  return ['signs', 'waits', 'verifies', 'off'].indexOf(state)
}

/**
 * A new key signs from now on; those before it still verify what they have signed. They are dropped by `retireKeys` once nothing of
 * theirs can be left.
 */
export async function rotateKeys(keycloak: KeycloakAdminClient, realm: string, nowMs: number): Promise<void> {
  const before = await findKeys(keycloak, realm)
  await addKey(keycloak, realm, nowMs)
  for (const key of before) {
    if (isActive(key)) await setConfig(keycloak, realm, key, { active: ['false'] })
  }
}

/** Switches off every key that only verifies: what it signed is refused from now on. Gives their names. */
export async function retireKeys(keycloak: KeycloakAdminClient, realm: string): Promise<readonly string[]> {
  const retiring = (await findKeys(keycloak, realm)).filter((key) => isOn(key, 'enabled') && !isActive(key))
  for (const key of retiring) await setConfig(keycloak, realm, key, { active: ['false'], enabled: ['false'] })
  return retiring.map(({ name = '' }) => name)
}

async function addKey(keycloak: KeycloakAdminClient, realm: string, nowMs: number): Promise<void> {
  const highest = Math.max(0, ...(await findKeys(keycloak, realm)).map(priorityOf))
  const parentId = (await keycloak.realms.findOne({ realm }))?.id
  await keycloak.components.create({
    realm,
    name: `${ownName} ${new Date(nowMs).toISOString()}`,
    providerId: 'rsa-generated',
    providerType: keyProvider,
    ...(parentId === undefined ? {} : { parentId }),
    config: {
      priority: [String(highest + 10)],
      enabled: ['true'],
      active: ['true'],
      algorithm: ['RS256'],
      keySize: ['2048'],
    },
  })
}

async function findKeys(keycloak: KeycloakAdminClient, realm: string): Promise<readonly Component[]> {
  const found = await keycloak.components.find({ realm, type: keyProvider })
  return found.filter(({ providerId }) => providerId === 'rsa-generated' || providerId === 'rsa')
}

async function setConfig(
  keycloak: KeycloakAdminClient,
  realm: string,
  key: Component,
  config: Readonly<Record<string, string[]>>,
): Promise<void> {
  const next = { ...key, config: { ...key.config, ...config } }
  await keycloak.components.update({ realm, id: key.id ?? '' }, next)
}

/** It is among those that could sign. */
function isActive(key: Component): boolean {
  return isOn(key, 'enabled') && isOn(key, 'active')
}

function isOn(key: Component, field: 'enabled' | 'active'): boolean {
  return configOf(key, field) !== 'false'
}

function priorityOf(key: Component): number {
  return Number(configOf(key, 'priority') ?? 0)
}

function configOf({ config }: Component, field: string): string | undefined {
  const values: unknown = config?.[field]
  return Array.isArray(values) ? String(values[0]) : undefined
}
