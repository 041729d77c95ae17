import { generateKeyPairSync, randomBytes, randomUUID, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import { request as startRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { openFileLog, readAudit, type AuditEvent } from '@pop-api/audit'
import { compileDestinations, createKeySet, createRateLimiter, doorOptions, handle, openDoor } from '@pop-api/gateway'
import { ensureDevUsers, startIdentity, totpCode, type DevUser } from '@pop-api/identity'
import { defineKafkaService, manifest, openSqliteDriver } from '@pop-api/kafka-service'
import { startModule } from '@pop-api/module'
import { compilePolicy } from '@pop-api/policy'
import {
  compileTrust,
  createNonceSource,
  createWitCache,
  es256Seal,
  manifestDigest,
  mintWit,
  parseManifest,
  type BulletinSections,
  type InstanceReport,
  type ModulesSection,
  type SealIdentity,
  type SectionName,
  type TokenSigner,
  type TrustSection,
} from '@pop-api/protocol'
import { developmentSettings, loadSettings } from '@pop-api/settings'
import { meshClientOptions, meshServerOptions, peerSpiffeId, type MeshIdentity } from '@pop-api/workload'
import { makeAuthority, type TestAuthority } from './certificates.ts'

const domain = 'pop.internal'
export const ids = {
  control: `spiffe://${domain}/control/control-1`,
  gateway: `spiffe://${domain}/gateway/gateway-1`,
  kafka: `spiffe://${domain}/module/kafka_service/1`,
}

interface ClientAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * The whole path on loopback with real parts: provider, gateway, mTLS, seal, kafka_service. Only control is missing: what its bulletin
 * would say is said here, by a test authority.
 */
export interface PathWorld {
  readonly users: readonly DevUser[]
  readonly signIn: (username: string) => Promise<string>
  readonly call: (
    token: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    fields?: Readonly<Record<string, string>>,
  ) => Promise<ClientAnswer>
  readonly audit: (service: 'gateway' | 'kafka_service', requestId: string) => Promise<AuditEvent[]>
  readonly moduleAddress: string
  /** Boot value of the module's present start. */
  readonly boot: string
  /** What a thief of the gateway's keys would have; the attacks on the hop start from here. */
  readonly stolen: {
    readonly mesh: TestAuthority
    readonly member: MeshIdentity
    readonly seal: SealIdentity
    readonly txn: TokenSigner
  }
  readonly failures: readonly unknown[]
  /** A folder of this world, removed at its end. */
  readonly home: string
  readonly moduleEvents: () => Promise<AuditEvent[]>
  [Symbol.asyncDispose](): Promise<void>
}

function ecKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function publicJwk(key: KeyObject): TrustSection['wit_issuers'][number]['jwk'] {
  const { kty, crv, x, y } = key.export({ format: 'jwk' })
  if (kty === undefined || crv === undefined || x === undefined || y === undefined) throw new TypeError('not an EC key')
  return { kty, crv, x, y }
}

export async function openPath(): Promise<PathWorld> {
  const home = await mkdtemp(join(tmpdir(), 'pop-path-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(home, { recursive: true }))
  const failures: unknown[] = []
  const settings = loadSettings(developmentSettings)
  if (!settings.ok) throw new Error('the development settings do not load')
  const { security_config: security, limits, protocol } = settings.settings

  // Authority: what control does.
  const mesh = makeAuthority(home, 'mesh')
  const publicCa = makeAuthority(home, 'public')
  const issuer = ecKeys()
  const txn = ecKeys()
  const trustSection: TrustSection = {
    domain,
    authorities: [{ id: 'mesh', state: 'active', certificate: mesh.caPem }],
    wit_issuers: [{ kid: 'wit', state: 'active', jwk: publicJwk(issuer.publicKey) }],
    txn_keys: [{ kid: 'txn', state: 'active', jwk: publicJwk(txn.publicKey), owner: ids.gateway }],
  }
  const identityOf = (sub: string) => {
    const keys = ecKeys()
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: ids.control, sub, iat, exp: iat + 3600, jti: randomUUID(), publicKey: keys.publicKey }
    return { wit: mintWit(claims, { kid: 'wit', privateKey: issuer.privateKey }), privateKey: keys.privateKey }
  }

  // Identity provider.
  const usersFile = join(home, 'dev-users.json')
  const { users, clients } = await ensureDevUsers(usersFile)
  const client = { client_id: 'pop-gateway', client_secret: randomBytes(32).toString('hex') }
  const localhost = publicCa.issue('DNS:localhost,IP:127.0.0.1', 'serverAuth')
  const provider = stack.use(
    await startIdentity({
      home: join(home, 'identity'),
      listen: { host: '127.0.0.1', port: 0 },
      certificate: { cert: localhost.certificate, key: localhost.privateKey },
      usersFile,
      gateway: client,
      security,
      onFailure: (failure) => failures.push(failure),
    }),
  )
  const openid = `${provider.issuer}/protocol/openid-connect`
  const fetchJson = async (method: string, url: string, form?: Record<string, string>): Promise<ClientAnswer> => {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString()
    return exchangeJson(url, {
      method,
      ca: publicCa.caPem,
      headers: form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
  }

  // Module.
  const kafkaMesh = mesh.issue(`URI:${ids.kafka}`)
  const kafkaSeal = identityOf(ids.kafka)
  const driver = stack.use(openSqliteDriver(join(home, 'topics.db'), Date.now))
  let report: InstanceReport | undefined
  const sections: Partial<BulletinSections> = { trust: trustSection }
  const kafkaWorkload = {
    spiffeId: ids.kafka,
    mesh: () => kafkaMesh,
    credentials: () => ({ wit: kafkaSeal.wit, messageKey: kafkaSeal.privateKey }),
    onRenew: () => undefined,
    bulletin: { section: <S extends SectionName>(name: S) => sections[name], onChange: () => undefined },
    reportInstance: async (said: InstanceReport) => {
      report = said
    },
  }
  const kafka = stack.use(
    await startModule({
      definition: defineKafkaService(driver),
      workload: kafkaWorkload,
      transport: { meshServerOptions, peerSpiffeId },
      listen: { host: '127.0.0.1', port: 0 },
      home: join(home, 'kafka_service'),
      onFault: (fault) => failures.push(fault),
    }),
  )
  const instance: InstanceReport | undefined = report
  if (instance === undefined) throw new Error('the module did not report its instance')

  // Gateway.
  const modules: ModulesSection = {
    kafka_service: {
      name: 'kafka_service',
      manifest,
      manifest_digest: manifestDigest(manifest),
      instances: [{ spiffe_id: ids.kafka, address: instance.address, boot: instance.boot }],
    },
  }
  const gatewayMesh = mesh.issue(`URI:${ids.gateway}`)
  const gatewaySeal = identityOf(ids.gateway)
  const pool = new Pool(kafka.address, {
    connect: { ...meshClientOptions({ mesh: () => gatewayMesh }, (peer) => peer === ids.kafka), maxCachedSessions: 0 },
  })
  stack.defer(() => pool.close())
  const audit = stack.use(await openFileLog({ directory: join(home, 'gateway', 'audit') }))
  const trust = compileTrust(trustSection)
  const keys = createKeySet({
    fetchKeys: async () => (await fetchJson('GET', `${openid}/certs`)).body,
    nowMs: Date.now,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  })
  await keys.refetch()
  const routes = compileDestinations(modules)
  const policy = compilePolicy(settings.settings, parseManifest(manifest).permissions)
  const nextId = createNonceSource(randomBytes(16))
  const limit = createRateLimiter({ perSecond: limits.caller_rate, burst: limits.caller_burst }, 1000)
  const gate = {
    routes: () => routes,
    authenticator: {
      keys,
      rules: {
        issuer: provider.issuer,
        audience: 'pop-api',
        lifeSecondsMax: security.token_expiration,
        serviceClients: new Map(clients.map(({ client_id: id, subject }) => [id, subject])),
      },
      nowMs: Date.now,
    },
    permitRules: () => ({ policy, requireSecondFactor: security.require_2fa, nextDecisionId: nextId }),
    limit,
    bodyBytesMax: protocol.digest_body_max,
    dresser: {
      seal: es256Seal,
      spiffeId: ids.gateway,
      domain,
      sealIdentity: () => gatewaySeal,
      txnSigner: { kid: 'txn', privateKey: txn.privateKey },
      nextNonce: nextId,
      nextTxn: nextId,
      nowMs: Date.now,
    },
    modules: {
      seal: es256Seal,
      poolOf: () => pool,
      trust: () => trust,
      wits: createWitCache(16),
      peerOf: () => ids.kafka,
      nowMs: Date.now,
    },
    recorder: { audit, level: 'full' as const, alarm: (failure: unknown) => failures.push(failure), nowMs: Date.now },
    failed: (_requestId: string, failure: unknown) => failures.push(failure),
  }
  const server = createServer({
    ...doorOptions,
    minVersion: 'TLSv1.3',
    cert: localhost.certificate,
    key: localhost.privateKey,
  })
  openDoor(server, {
    handle: (received, body) => handle(received, body, gate),
    refused: () => undefined,
    failed: (_requestId, failure) => failures.push(failure),
    nextRequestId: nextId,
    nowMs: Date.now,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const owned = stack.move()
  return {
    users,
    failures,
    home,
    moduleEvents: () => Array.fromAsync(readAudit(join(home, 'kafka_service', 'audit'))),
    moduleAddress: kafka.address,
    boot: instance.boot,
    stolen: { mesh, member: gatewayMesh, seal: gatewaySeal, txn: { kid: 'txn', privateKey: txn.privateKey } },
    async signIn(username) {
      const user = users.find((known) => known.username === username)
      if (user === undefined) throw new Error(`there is no user ${username}`)
      const totp = totpCode(user.totp_secret, Date.now())
      const answer = await fetchJson('POST', `${openid}/token`, {
        grant_type: 'password',
        ...client,
        username,
        password: user.password,
        totp,
      })
      if (typeof answer.body['access_token'] !== 'string')
        throw new Error(`sign-in failed: ${JSON.stringify(answer.body)}`)
      return answer.body['access_token']
    },
    call(token, method, path, body, fields = {}) {
      const headers: Record<string, string> = { ...fields }
      if (token !== undefined) headers['authorization'] = `Bearer ${token}`
      if (body !== undefined) headers['content-type'] = 'application/json'
      return exchangeJson(`https://localhost:${port}${path}`, {
        method,
        ca: publicCa.caPem,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      })
    },
    async audit(service, requestId) {
      return Array.fromAsync(readAudit(join(home, service, 'audit'), { request_id: requestId }))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Sending {
  readonly method: string
  readonly ca: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

async function exchangeJson(url: string, { method, ca, headers, body }: Sending): Promise<ClientAnswer> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const request = startRequest(url, { method, ca, agent: false, headers: { ...headers, ...length } })
  request.end(body)
  const [response] = await once(request, 'response')
  const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString('utf8')
  return { status: response.statusCode, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}
