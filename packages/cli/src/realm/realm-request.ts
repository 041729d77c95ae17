import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { JsonObject } from '@pop-api/protocol'
import {
  providerFailuresMax,
  realmPlaceOf,
  type RealmPlace,
  type SecretReference,
  type Settings,
} from '@pop-api/settings'
import { usageFailure } from '../command-failure.ts'
import { readDevUsers } from '../dev/dev-users-file.ts'
import { claimHome } from '../up/home.ts'
import { errorCode, readOwnFile } from '../up/own-file.ts'
import { ensureDevUsers } from '../up/prepare.ts'
import { controlSecretPath, ensureSecret, gatewaySecretPath, serviceSecretPath } from './realm-files.ts'

/** Where the realm of these settings is. Throws a CommandFailure (usage) where they name none, or that of administrators. */
export function placeOf({ identity: { issuer } }: Settings): RealmPlace & { readonly issuer: string } {
  const place = issuer === undefined ? undefined : realmPlaceOf(issuer)
  if (issuer === undefined || place === undefined) {
    const found = issuer === undefined ? '' : `; found ${issuer}`
    const next = 'set identity.issuer, such as https://keycloak.example/realms/pop'
    throw usageFailure(`the settings name no realm: ${next}${found}`)
  }
  if (place.realm === 'master')
    throw usageFailure('the realm master is for administrators: give POP API a realm of its own in identity.issuer')
  return { issuer, ...place }
}

export interface RequestOptions {
  readonly home: string
  readonly settings: Settings
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Whether the users of development come along. */
  readonly bringsUsers: boolean
}

/** What the realm is made from (packages/identity/src/realm/realm-request.ts). Makes secrets that are not there yet. */
export async function realmRequest(options: RequestOptions): Promise<JsonObject> {
  const { home, settings } = options
  await claimHome(home)
  if (options.bringsUsers) await ensureDevUsers(home, options.environment)
  const { security_config: security, realm, identity, mode, roles, module_permissions } = settings
  const dev = options.bringsUsers ? await readDevUsers(home) : undefined
  // Made for other settings, they may hold roles that the realm has no more: to give those would never come to an end.
  const ours = (held: readonly string[]) => held.filter((role) => Object.hasOwn(roles, role))
  const brought = (dev?.clients ?? []).filter(({ client_id: id }) => !Object.hasOwn(realm.services, id))
  return {
    realm: placeOf(settings).realm,
    gateway: realm.gateway.replace(/\/$/, ''),
    audience: identity.audience,
    security: { ...security, max_failed_attempts: providerFailuresMax(settings) },
    require_tls: mode.require_mTLS,
    password_grant: identity.password_grant,
    roles: Object.keys(roles),
    module_permissions,
    gateway_client: { client_id: identity.client_id, secret: await gatewaySecret(options) },
    control_secret: await ensureSecret(controlSecretPath(home)),
    services: [
      ...(await Promise.all(Object.entries(realm.services).map(([id, service]) => serviceOf(home, id, service)))),
      ...brought.map(({ client_id, client_secret, roles: held }) => {
        return { client_id, secret: client_secret, roles: ours(held), token_exchange: false }
      }),
    ],
    users: (dev?.users ?? []).map(({ id, username, password, totp_secret, roles: held }) => {
      return { id, username, password, roles: ours(held), ...(totp_secret === undefined ? {} : { totp_secret }) }
    }),
  }
}

async function serviceOf(home: string, clientId: string, service: Settings['realm']['services'][string]) {
  const { roles, token_exchange, bound } = service
  const base = { client_id: clientId, roles, token_exchange, ...(bound === undefined ? {} : { bound }) }
  if (service.jwks === undefined) return { ...base, secret: await ensureSecret(serviceSecretPath(home, clientId)) }
  return { ...base, jwks: await readText(resolve(service.jwks), `the public keys of ${clientId}`) }
}

async function gatewaySecret({ home, settings, environment }: RequestOptions): Promise<string> {
  const reference = settings.identity.client_secret
  if (reference === undefined) return await ensureSecret(gatewaySecretPath(home))
  return await readReference(reference, environment)
}

async function readReference(reference: SecretReference, environment: Readonly<NodeJS.ProcessEnv>): Promise<string> {
  if ('env' in reference) {
    const value = environment[reference.env]
    if (value !== undefined && value !== '') return value
    throw usageFailure(`identity.client_secret says ${reference.env}, and the environment has none of that name`)
  }
  const content = await readOwnFile(resolve(reference.file))
  if (content !== undefined) return content.trim()
  throw usageFailure(`identity.client_secret says ${reference.file}, and there is no such file`)
}

/** Reads a file that anybody may read. Throws a CommandFailure (usage). */
async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw usageFailure(`${what} cannot be read from ${path} (${errorCode(error)})`, error)
  }
}
