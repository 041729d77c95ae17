import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Part } from '../part.ts'

type Component = Awaited<ReturnType<KeycloakAdminClient['components']['find']>>[number]

const keyProvider = 'org.keycloak.keys.KeyProvider'
const ownName = 'pop signing'

/** A key of the realm that signs or verifies tokens, as `pop realm keys` shows it. */
export interface RealmKey {
  readonly id: string
  readonly name: string
  /** `signs`: new tokens; `verifies`: only those that it signed before; `off`: none. */
  readonly state: 'signs' | 'verifies' | 'off'
  readonly priority: number
}

/** The realm signs with a key of its own, 2048 bits RSA, made by Keycloak and never taken out of it. */
export function signingKeyPart(realm: string, nowMs: () => number): Part {
  return {
    name: 'signing key',
    wanted: () => ({ signs: true }),
    find: async (keycloak) => ({ signs: (await listKeys(keycloak, realm)).some(({ state }) => state === 'signs') }),
    create: () => Promise.resolve(),
    change: (keycloak) => addKey(keycloak, realm, nowMs()),
  }
}

/** The RSA keys of a realm, the one that signs first. */
export async function listKeys(keycloak: KeycloakAdminClient, realm: string): Promise<readonly RealmKey[]> {
  const keys = (await findKeys(keycloak, realm)).map(readKey)
  return keys.toSorted((one, other) => other.priority - one.priority)
}

/**
 * A new key signs from now on; those before it still verify what they have signed. They are dropped by `retireKeys` once nothing of
 * theirs can be left.
 */
export async function rotateKeys(keycloak: KeycloakAdminClient, realm: string, nowMs: number): Promise<void> {
  const before = await findKeys(keycloak, realm)
  await addKey(keycloak, realm, nowMs)
  for (const key of before) {
    if (readKey(key).state === 'signs') await setConfig(keycloak, realm, key, { active: ['false'] })
  }
}

/** Switches off every key that only verifies: what it signed is refused from now on. Gives their names. */
export async function retireKeys(keycloak: KeycloakAdminClient, realm: string): Promise<readonly string[]> {
  const retiring = (await findKeys(keycloak, realm)).filter((key) => readKey(key).state === 'verifies')
  for (const key of retiring) await setConfig(keycloak, realm, key, { active: ['false'], enabled: ['false'] })
  return retiring.map(({ name = '' }) => name)
}

async function addKey(keycloak: KeycloakAdminClient, realm: string, nowMs: number): Promise<void> {
  const highest = Math.max(0, ...(await listKeys(keycloak, realm)).map(({ priority }) => priority))
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

function readKey({ id = '', name = '', config }: Component): RealmKey {
  const read = (field: string): string | undefined => {
    const values: unknown = config?.[field]
    return Array.isArray(values) ? String(values[0]) : undefined
  }
  const isEnabled = read('enabled') !== 'false'
  const isActive = read('active') !== 'false'
  const state = isEnabled ? (isActive ? 'signs' : 'verifies') : 'off'
  return { id, name, state, priority: Number(read('priority') ?? 0) }
}
