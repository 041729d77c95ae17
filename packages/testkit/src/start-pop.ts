import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { readAudit, type AuditEvent, type AuditQuery } from '@pop-api/audit'
import { startControl, type ControlHandle } from '@pop-api/control'
import { startGateway } from '@pop-api/gateway'
import { makeDevUsers, totpCode, type DevClient, type DevUser, type DevUsers } from '@pop-api/identity'
import {
  developmentSettings,
  gatewaySection,
  loadSettings,
  providerFailuresMax,
  type GatewaySettings,
  type Settings,
} from '@pop-api/settings'
import { joinGateway, obtainPublicIdentity, type GatewayMembership } from '@pop-api/workload'
import { exchange, type ClientAnswer } from './exchange.ts'
import { sendRaw, type RawOptions } from './raw-client.ts'
import {
  embeddedProvider,
  keycloakProvider,
  liveServers,
  seedControl,
  usesLiveServers,
  type LiveServers,
  type TestProvider,
  type TestRealm,
} from './test-provider.ts'
import type { JsonObject } from '@pop-api/protocol'
import { startTestModule, type StartedModule, type TestModule } from './test-module.ts'

export interface PopOptions {
  /** Servers to use instead of those of `npm run test:live`, or of the embedded provider. */
  readonly live?: LiveServers
  readonly modules?: readonly TestModule[]
  /** Text of a `pop.yaml`; the development settings unless told. */
  readonly settings?: string
  /** Users beside alice, bob and carol. */
  readonly users?: readonly {
    readonly username: string
    readonly roles: readonly string[]
    /** False for a newcomer, who sets one up at the first sign-in. */
    readonly secondFactor?: false
  }[]
  /** Service clients beside `reporter`. */
  readonly services?: readonly TestService[]
}

/** A service client of a test system, which has the role `reader`. */
export interface TestService {
  readonly clientId: string
  /** It signs assertions with this key (`private_key_jwt`), instead of having a secret. */
  readonly publicJwk?: JsonObject
  /** It may exchange tokens of others, where the provider does that. */
  readonly exchangesTokens?: true
}

/** A whole system on loopback, with real parts that enrolled with a real control. */
export interface Pop {
  /** A folder of this system, removed at its end; each process has its home below it. */
  readonly home: string
  /** `https://localhost:port` */
  readonly gateway: string
  /** The same with a client certificate; undefined unless the settings say `listeners.gateway_mtls: true`. */
  readonly gatewayMtls: string | undefined
  readonly operations: string
  readonly issuer: string
  /** What clients trust of the identity provider, PEM. */
  readonly issuerCa: string
  /** What clients trust, PEM. */
  readonly ca: string
  readonly control: ControlHandle
  /** The realm of this system at Keycloak. Throws an Error with the embedded provider. */
  readonly keycloak: () => TestRealm
  /** Ends the identity provider, as a crash would. */
  readonly stopIdentity: () => Promise<void>
  /** The gateway's own credentials: what a thief of them would have. */
  readonly member: GatewayMembership
  readonly users: DevUsers
  readonly module: (name: string) => StartedModule
  /** What went wrong inside; a test of what goes right ends with an empty list. */
  readonly failures: readonly unknown[]
  /** `POST /oauth/token` with password and the present code, or with other parameters. */
  readonly signIn: (username: string, change?: Readonly<Record<string, string>>) => Promise<ClientAnswer>
  /** The access token of a sign-in that must succeed. A code works once in 30 seconds, so a user can sign in once a test. */
  readonly token: (username: string) => Promise<string>
  readonly form: (path: string, form: Readonly<Record<string, string>>) => Promise<ClientAnswer>
  readonly call: (
    token: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    fields?: Readonly<Record<string, string>>,
  ) => Promise<ClientAnswer>
  /** Bytes as they are, over TLS, to the gateway. */
  readonly raw: (bytes: string | Buffer, options?: Partial<RawOptions>) => Promise<string>
  /** Audit events of the gateway or a module, oldest first. */
  readonly audit: (service: string, query?: AuditQuery) => Promise<AuditEvent[]>
  /** Publishes other settings and waits until the gateway has applied them. */
  readonly changeSettings: (change: (settings: GatewaySettings) => GatewaySettings) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const anyPort = { host: '127.0.0.1', port: 0 }
const domain = 'pop.internal'

/**
 * Starts control, the embedded identity provider, modules and a gateway in this process; with live servers (`npm run test:live`) a
 * realm of its own at Keycloak instead of the provider. `await using` ends them all.
 */
export async function startPop(options: PopOptions = {}): Promise<Pop> {
  const home = await mkdtemp(join(tmpdir(), 'pop-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(home, { recursive: true }))
  const failures: unknown[] = []
  const failed = (_requestId: string, failure: unknown): void => void failures.push(failure)
  const settings = settingsOf(options.settings ?? developmentSettings)
  const users = await writeUsers(join(home, 'dev-users.json'), options)
  const secret = randomBytes(32).toString('base64url')
  const secretFile = join(home, 'gateway', 'oidc-client-secret')
  await mkdir(join(home, 'gateway'), { mode: 0o700 })
  await writeFile(secretFile, secret, { mode: 0o600 })
  const ca = join(home, 'ca.pem')
  const filledIn = {
    ca,
    client_secret: { file: secretFile },
    service_clients: Object.fromEntries(users.clients.map(({ client_id: id, subject }) => [id, subject])),
  }
  const live = options.live ?? (usesLiveServers() ? liveServers() : undefined)
  if (live !== undefined) await seedControl(join(home, 'control'), live)
  const { roles, module_permissions, grants } = settings
  const control = stack.use(
    await startControl({
      home: join(home, 'control'),
      listen: { control: anyPort, admin: anyPort },
      domain,
      name: 'control-1',
      environment: 'development',
      policy: { roles, module_permissions, grants },
      settings: gatewaySection(settings, filledIn),
      approveAutomatically: true,
      onFault: (failure, requestId) => failed(requestId, failure),
    }),
  )
  await writeFile(ca, control.caPem)
  const bootOf = (name: string, kind: 'gateway' | 'module' | 'issuer') => ({
    name,
    home: join(home, name),
    listen: {},
    admin: control.admin,
    anchor: { root_spki_sha256: control.rootSpkiSha256 },
    token: control.issueToken({ name, kind }),
  })
  const onProblem = (problem: unknown): void => failed('-', problem)
  const provider = await startProvider()
  if (live === undefined) stack.defer(provider.stop)
  const { issuer, ca: providerCa, serviceClients } = provider
  let published = gatewaySection(settings, {
    ...filledIn,
    provider: provider.keycloak === undefined ? 'embedded' : 'keycloak',
    issuer,
    ca: providerCa,
    service_clients: serviceClients,
    ...(provider.keycloak === undefined ? {} : { introspection_client: settings.identity.audience }),
  })
  await control.publish('settings', published)
  const modules = new Map<string, StartedModule>()
  const workloads = stack.use(new AsyncDisposableStack())
  for (const module of options.modules ?? []) {
    modules.set(module.name, await startTestModule(module, { boot: bootOf(module.name, 'module'), workloads, failed }))
  }
  const gatewayBoot = bootOf('gateway', 'gateway')
  const member = stack.use(await joinGateway(gatewayBoot, { onProblem }))
  const listen = { gateway: anyPort, operations: anyPort, gatewayMtls: anyPort }
  const gateway = stack.use(await startGateway({ member, home: gatewayBoot.home, listen, failed }))
  await provider.takeGateway(gateway.gateway)
  const owned = stack.move()
  const client = clientOf(gateway.gateway, control.caPem, users)
  return {
    ...client,
    home,
    gateway: gateway.gateway,
    gatewayMtls: gateway.gatewayMtls,
    operations: gateway.operations,
    issuer,
    issuerCa: await readFile(providerCa, 'utf8'),
    ca: control.caPem,
    control,
    keycloak: () => {
      if (provider.keycloak === undefined) throw new Error('this system has the embedded identity provider')
      return provider.keycloak
    },
    stopIdentity: provider.stop,
    member,
    users,
    failures,
    module: (name) => {
      const found = modules.get(name)
      if (found === undefined) throw new Error(`there is no module ${name}`)
      return found
    },
    audit: (service, query = {}) => Array.fromAsync(readAudit(join(home, service, 'audit'), query)),
    changeSettings: async (change) => {
      const next = change(published)
      // Publishing what is in force already changes nothing, and nobody would tell that it had.
      if (isDeepStrictEqual(next, published)) return
      const applied = Promise.withResolvers<void>()
      const forget = member.bulletin.onChange((section) => section === 'settings' && applied.resolve())
      published = next
      await control.publish('settings', published)
      await applied.promise
      forget()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }

  async function startProvider(): Promise<TestProvider> {
    if (live !== undefined) {
      const controlSecret = randomBytes(32).toString('base64url')
      await writeFile(join(home, 'control', 'keycloak-client-secret'), controlSecret, { mode: 0o600 })
      const exchanging = (options.services ?? []).filter(({ exchangesTokens }) => exchangesTokens)
      const exchangers = exchanging.map(({ clientId }) => clientId)
      return await keycloakProvider({ settings, users, exchangers, gatewaySecret: secret, controlSecret }, live)
    }
    const { certificate: cert, privateKey: key } = await obtainPublicIdentity(bootOf('identity', 'issuer'), {
      onProblem,
    })
    const served = {
      home: join(home, 'identity'),
      listen: anyPort,
      certificate: { cert, key },
      usersFile: join(home, 'dev-users.json'),
      gateway: { client_id: settings.identity.client_id, client_secret: secret },
      security: { ...settings.security_config, max_failed_attempts: providerFailuresMax(settings) },
      onFailure: (failure: unknown) => failed('-', failure),
    }
    return await embeddedProvider(served, ca, users)
  }
}

function settingsOf(text: string): Settings {
  const loaded = loadSettings(text)
  if (loaded.ok) return loaded.settings
  throw new Error(loaded.faults.map(({ line, key, message }) => `${line}: ${key}: ${message}`).join('\n'))
}

async function writeUsers(path: string, { users: more = [], services = [] }: PopOptions): Promise<DevUsers> {
  const { users, clients } = makeDevUsers()
  const added = more.map(({ username, roles, secondFactor }): DevUser => {
    const { totp_secret, ...fresh } = freshUser()
    const user = { ...fresh, id: randomUUID(), username, roles }
    return secondFactor === false ? user : { ...user, totp_secret }
  })
  const programs = services.map(({ clientId, publicJwk }): DevClient => {
    const secret = randomBytes(24).toString('base64url')
    const client = { client_id: clientId, client_secret: secret, subject: randomUUID(), roles: ['reader'] }
    return publicJwk === undefined ? client : { ...client, jwks: { keys: [publicJwk] } }
  })
  const all = { users: [...users, ...added], clients: [...clients, ...programs] }
  await writeFile(path, JSON.stringify(all), { mode: 0o600 })
  return all
}

function freshUser() {
  const [fresh] = makeDevUsers().users
  if (fresh === undefined) throw new Error('there are no users')
  return fresh
}

/** The parts of a system that a client uses. */
function clientOf(
  origin: string,
  ca: string,
  { users }: DevUsers,
): Pick<Pop, 'signIn' | 'token' | 'form' | 'call' | 'raw'> {
  const form: Pop['form'] = (path, parameters) =>
    exchange({
      method: 'POST',
      origin,
      path,
      ca,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    })
  const signIn: Pop['signIn'] = (username, change = {}) => {
    const user = users.find((known) => known.username === username)
    if (user === undefined) throw new Error(`there is no user ${username}`)
    const { password, totp_secret: totpSecret } = user
    const totp = totpCode(totpSecret ?? '', Date.now())
    return form('/oauth/token', { grant_type: 'password', username, password, totp, ...change })
  }
  return {
    form,
    signIn,
    token: async (username) => {
      const { status, body } = await signIn(username)
      const token = body['access_token']
      if (status !== 200 || typeof token !== 'string')
        throw new Error(`sign-in failed: ${status} ${JSON.stringify(body)}`)
      return token
    },
    call: (token, method, path, body, fields = {}) => {
      const headers: Record<string, string> = { ...fields }
      if (token !== undefined) headers['authorization'] = `Bearer ${token}`
      if (body === undefined) return exchange({ method, origin, path, ca, headers })
      return exchange({
        method,
        origin,
        path,
        ca,
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    },
    raw: (bytes, options = {}) => {
      const { hostname, port } = new URL(origin)
      return sendRaw(bytes, { host: hostname, port: Number(port), ca, ...options })
    },
  }
}
