import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { explain } from './connect-admin.ts'
import { findSurplus } from './find-surplus.ts'
import { compare, settle, type Change, type Part, type Surplus } from './part.ts'
import { realmPart } from './parts/realm-part.ts'
import { findClient } from './parts/find-client.ts'
import type { RealmRequest } from './realm-request.ts'
import { wantedParts } from './wanted-parts.ts'

/** What a plan has to say, or what was done. */
export interface RealmReport {
  readonly changes: readonly Change[]
  /** What this program made once and nobody wants any more; taken away only when asked to. */
  readonly surplus: readonly string[]
  /** client_id → subject of each service client that there is: what the gateway exempts from the second factor. */
  readonly serviceClients: Readonly<Record<string, string>>
}

/** Told of each part before it is looked at. */
export type Progress = (name: string) => void

/** Compares a realm with what is wanted and changes nothing. Throws a RealmError. */
export async function planRealm(
  keycloak: KeycloakAdminClient,
  request: RealmRequest,
  progress: Progress,
): Promise<RealmReport> {
  const exists = await realmExists(keycloak, request)
  const parts = [realmPart(request), ...wantedParts(request, Date.now)]
  if (!exists) return { changes: parts.map(created), surplus: [], serviceClients: {} }
  const changes = await each(parts, progress, (part) => compare(part, keycloak))
  return {
    changes,
    surplus: (await surplusOf(keycloak, request)).map(({ name }) => name),
    serviceClients: await servicesOf(keycloak, request),
  }
}

/** Makes a realm as it is wanted, a part after the other; run again it goes on where it stopped. Throws a RealmError. */
export async function applyRealm(
  keycloak: KeycloakAdminClient,
  request: RealmRequest,
  options: { readonly prune: boolean; readonly progress: Progress },
): Promise<RealmReport> {
  const { realm } = request
  const parts = [realmPart(request), ...wantedParts(request, Date.now)]
  const isNew = !(await realmExists(keycloak, request))
  if (isNew) {
    options.progress(`realm ${realm}`)
    await attempt(`create the realm ${realm}`, () => keycloak.realms.create({ realm, enabled: true }))
  }
  const settled = await each(parts, options.progress, (part) => settle(part, keycloak))
  // What Keycloak makes with a realm by itself, such as a signing key, is as new as the rest: the plan has it as well.
  const changes = isNew ? parts.map(created) : [...settled]
  const surplus = await surplusOf(keycloak, request)
  if (options.prune) {
    for (const { name, remove } of surplus) {
      options.progress(name)
      await attempt(`remove the ${name}`, remove)
      changes.push({ verb: 'remove', name, fields: [] })
    }
  }
  const left = options.prune ? [] : surplus.map(({ name }) => name)
  return { changes, surplus: left, serviceClients: await servicesOf(keycloak, request) }
}

function created({ name }: Part): Change {
  return { verb: 'create', name, fields: [] }
}

async function each(
  parts: readonly Part[],
  progress: Progress,
  work: (part: Part) => Promise<Change | undefined>,
): Promise<readonly Change[]> {
  const changes: Change[] = []
  for (const part of parts) {
    progress(part.name)
    const change = await attempt(`look at or change the ${part.name}`, () => work(part))
    if (change !== undefined) changes.push(change)
  }
  return changes
}

async function realmExists(keycloak: KeycloakAdminClient, { realm }: RealmRequest): Promise<boolean> {
  const found = await attempt(`read the realm ${realm}`, () => keycloak.realms.findOne({ realm }))
  return found !== undefined && found !== null
}

async function servicesOf(
  keycloak: KeycloakAdminClient,
  { realm, services }: RealmRequest,
): Promise<Readonly<Record<string, string>>> {
  const subjects: Record<string, string> = {}
  for (const { clientId } of services) {
    const found = await findClient(keycloak, realm, clientId)
    if (found?.serviceAccountsEnabled !== true) continue
    const user = await keycloak.clients.getServiceAccountUser({ realm, id: found.id })
    if (user.id !== undefined) subjects[clientId] = user.id
  }
  return subjects
}

function surplusOf(keycloak: KeycloakAdminClient, request: RealmRequest): Promise<readonly Surplus[]> {
  return attempt('look for what is wanted no more', () => findSurplus(keycloak, request))
}

async function attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explain(error, doing)
  }
}
