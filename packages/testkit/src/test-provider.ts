import { cp } from 'node:fs/promises'
import {
  applyRealm,
  connectAdmin,
  startIdentity,
  type DevUsers,
  type IdentityOptions,
  type RealmReport,
  type RealmRequest,
} from '@pop-api/identity'
import { isJsonObject, isPlainText, parseStrictJson } from '@pop-api/protocol'
import { providerFailuresMax, type Settings } from '@pop-api/settings'

/** The identity provider of a test system. */
export interface TestProvider {
  readonly issuer: string
  /** File with the CA of its certificate. */
  readonly ca: string
  /** client_id → subject of the service clients. */
  readonly serviceClients: Readonly<Record<string, string>>
  /** Told of the gateway's address, once that is known. */
  readonly takeGateway: (gateway: string) => Promise<void>
  /** Ends it, as a crash would; a provider that others use too says that it cannot. */
  readonly stop: () => Promise<void>
  /** Undefined for the embedded provider. */
  readonly keycloak?: TestRealm
}

/** A realm of Keycloak that belongs to one test system. */
export interface TestRealm {
  readonly realm: string
  /** As the server's administrator; speaks of this realm unless told otherwise. */
  readonly admin: () => ReturnType<typeof connectAdmin>
  /** What the realm was made from last. */
  readonly request: () => RealmRequest
  /** As `pop realm apply` with other settings. */
  readonly apply: (change: Partial<RealmRequest>) => Promise<RealmReport>
  /** What was counted against a user, by id. Keycloak counts behind its answer: what was tried a moment ago may be missing. */
  readonly failuresOf: (id: string) => Promise<FailuresThere>
}

interface FailuresThere {
  readonly failures: number
  readonly locked: boolean
}

/** Real servers that somebody started for the tests (`npm run test:live`). */
export interface LiveServers {
  readonly keycloak: {
    readonly server: string
    readonly ca: string
    readonly adminPassword: string
    /** Files with certificate and key of the authority whose client certificates it takes. */
    readonly clientAuthority: { readonly ca: string; readonly key: string }
    readonly group: number
  }
  /** Home of a control whose CA these servers trust. */
  readonly controlHome: string
}

/** What `npm run test:live` says of its servers. Throws an Error where these tests were started otherwise. */
export function liveServers(environment: Readonly<NodeJS.ProcessEnv> = process.env): LiveServers {
  const parsed = parseStrictJson(environment['POP_LIVE'] ?? '')
  const { keycloak, controlHome } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const { server, ca, adminPassword, clientAuthority, group } = isJsonObject(keycloak) ? keycloak : {}
  const { ca: clientCa, key: clientCaKey } = isJsonObject(clientAuthority) ? clientAuthority : {}
  if (
    isPlainText(server, 256) &&
    isPlainText(ca, 1024) &&
    isPlainText(adminPassword, 256) &&
    isPlainText(clientCa, 1024) &&
    isPlainText(clientCaKey, 1024) &&
    typeof group === 'number' &&
    isPlainText(controlHome, 1024)
  )
    return {
      keycloak: { server, ca, adminPassword, clientAuthority: { ca: clientCa, key: clientCaKey }, group },
      controlHome,
    }
  throw new Error('There are no live servers: run these tests with npm run test:live')
}

/** Whether test systems are to be put on real servers. */
export function usesLiveServers(environment: Readonly<NodeJS.ProcessEnv> = process.env): boolean {
  return environment['POP_TEST_PROVIDER'] === 'keycloak'
}

/** Gives a new system's control the CA that the servers trust. To be called before control starts. */
export async function seedControl(home: string, live: LiveServers): Promise<void> {
  await cp(live.controlHome, home, { recursive: true })
}

/** The embedded provider, in this process. */
export async function embeddedProvider(options: IdentityOptions, ca: string, users: DevUsers): Promise<TestProvider> {
  const identity = await startIdentity(options)
  let ended: Promise<void> | undefined
  return {
    issuer: identity.issuer,
    ca,
    serviceClients: Object.fromEntries(users.clients.map(({ client_id: id, subject }) => [id, subject])),
    takeGateway: () => Promise.resolve(),
    stop: () => (ended ??= identity[Symbol.asyncDispose]()),
  }
}

export interface KeycloakOptions {
  readonly settings: Settings
  readonly users: DevUsers
  /** Service clients that may exchange tokens of others. */
  readonly exchangers?: readonly string[]
  readonly gatewaySecret: string
  readonly controlSecret: string
}

/** A realm of its own at the running Keycloak, made as `pop realm apply` makes one. */
export async function keycloakProvider(options: KeycloakOptions, { keycloak }: LiveServers): Promise<TestProvider> {
  const realm = `test-${crypto.randomUUID()}`
  const credentials = { kind: 'person', username: 'admin', password: keycloak.adminPassword } as const
  const admin = (): ReturnType<typeof connectAdmin> =>
    connectAdmin({ server: keycloak.server, realm: 'master', credentials }, realm)
  // Until the gateway has an address nobody listens there, and nothing is sent.
  let request = requestOf(options, realm, 'https://localhost:1')
  const apply = async (change: Partial<RealmRequest>): Promise<RealmReport> => {
    request = { ...request, ...change }
    return applyRealm(await admin(), request, { prune: false, progress: () => undefined })
  }
  const { serviceClients } = await apply({})
  return {
    issuer: `${keycloak.server}/realms/${realm}`,
    ca: keycloak.ca,
    serviceClients,
    takeGateway: async (gateway) => {
      await apply({ gateway })
    },
    stop: () => Promise.reject(new Error('Keycloak is not this test’s to stop.')),
    keycloak: {
      realm,
      admin,
      request: () => request,
      apply,
      failuresOf: async (id) => {
        const state: unknown = await (await admin()).attackDetection.findOne({ realm, id })
        if (!isJsonObject(state)) throw new Error(`Keycloak does not say what it counted against ${id}.`)
        return { failures: Number(state['numFailures']), locked: state['disabled'] === true }
      },
    },
  }
}

/** What a realm for these settings and users is made from. */
export function requestOf(
  { settings, users, exchangers = [], gatewaySecret, controlSecret }: KeycloakOptions,
  realm: string,
  gateway: string,
): RealmRequest {
  const { security_config: security, identity, mode, roles, module_permissions: modulePermissions } = settings
  return {
    realm,
    gateway,
    audience: identity.audience,
    security: {
      tokenSeconds: security.token_expiration,
      failuresMax: providerFailuresMax(settings),
      lockoutSeconds: security.lockout_duration,
      passwordLengthMin: security.minimum_password_length,
      requireSecondFactor: security.require_2fa,
    },
    requireTls: mode.require_mTLS,
    passwordGrant: true,
    roles: Object.keys(roles),
    modulePermissions,
    gatewayClient: { clientId: identity.client_id, secret: gatewaySecret },
    controlSecret,
    services: users.clients.map(({ client_id: clientId, client_secret: secret, jwks, roles: held }) => {
      const service = { clientId, roles: held, exchangesTokens: exchangers.includes(clientId) }
      return jwks === undefined
        ? { ...service, authentication: 'secret' as const, secret }
        : { ...service, authentication: 'private_key_jwt' as const, jwks: JSON.stringify(jwks) }
    }),
    users: users.users.map(({ id, username, password, totp_secret: totpSecret, roles: held }) => {
      return { id, username, password, roles: held, ...(totpSecret === undefined ? {} : { totpSecret }) }
    }),
  }
}
