import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { manifestDigest } from '@pop-api/protocol'
import {
  createPeerPools,
  exchange,
  exchangeJson,
  guardMeshServer,
  joinGateway,
  joinModule,
  meshClientOptions,
  meshServerOptions,
  peerSpiffeId,
  type MeshIdentity,
  type Membership,
} from '@pop-api/workload'
import { issueMesh, issuePublic, makeRoot, type Authority } from '../authority/certificate.ts'
import { domain, manifestOf, startTestControl, type TestControl } from '../test-world.ts'

const kafka = manifestOf('kafka_service', '/v1/kafka')
const kafkaId = `spiffe://${domain}/module/kafka_service/1`
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' })
const present = { fromMs: Date.now() - 60_000, toMs: Date.now() + 600_000 }

async function meshAuthority(world: TestControl, member: Membership): Promise<Authority> {
  const privateKey = createPrivateKey(await readFile(join(world.home, 'keys', 'mesh-ca.pem')))
  return { certificate: member.mesh().roots[0] ?? '', privateKey }
}

type Forger = (authority: Authority, key: KeyObject, world: TestControl) => Promise<string>

const forged: readonly (readonly [string, Forger])[] = [
  ['of another authority', async (_authority, key) => await issueMesh(await foreignAuthority(), key, kafkaId, present)],
  [
    'that has expired',
    (authority, key) => issueMesh(authority, key, kafkaId, { fromMs: Date.now() - 120_000, toMs: Date.now() - 60_000 }),
  ],
  [
    'that is not valid yet',
    (authority, key) => issueMesh(authority, key, kafkaId, { fromMs: Date.now() + 60_000, toMs: Date.now() + 120_000 }),
  ],
  ['for servers only', (authority, key) => issuePublic(authority, key, { dns: ['localhost'], ip: [] }, present)],
  [
    'of the public authority',
    async (_authority, key, world) => {
      const privateKey = createPrivateKey(await readFile(join(world.home, 'keys', 'public-ca.pem')))
      return await issueMesh({ certificate: world.handle().caPem, privateKey }, key, kafkaId, present)
    },
  ],
  [
    'of another trust domain',
    (authority, key) => issueMesh(authority, key, 'spiffe://other.internal/gateway/g', present),
  ],
  [
    'with a name that is no workload',
    (authority, key) => issueMesh(authority, key, 'spiffe://pop.internal/root', present),
  ],
  [
    'of somebody who never enrolled',
    (authority, key) => issueMesh(authority, key, `spiffe://${domain}/gateway/x`, present),
  ],
]

async function foreignAuthority(): Promise<Authority> {
  const privateKey = newKey()
  return { certificate: await makeRoot('POP API mesh root', privateKey, present), privateKey }
}

for (const [name, forge] of forged) {
  test(`control refuses a certificate ${name}`, async () => {
    await using world = await startTestControl()
    await using member = await joinModule(await world.boot('kafka_service', 'module'), kafka)
    const key = newKey()
    const certificate = await forge(await meshAuthority(world, member), createPublicKey(key), world)
    const mesh = (): MeshIdentity => ({ certificate, privateKey: pemOf(key), roots: member.mesh().roots })
    await assert.rejects(
      askWith(
        world,
        meshClientOptions({ mesh }, () => true),
      ),
    )
    await askWith(
      world,
      meshClientOptions(member, () => true),
    )
  })
}

async function askWith(world: TestControl, tls: ConnectionOptions): Promise<unknown> {
  return await exchangeJson({ method: 'GET', url: `${world.handle().control}/bulletin`, tls, timeoutMs: 2_000 })
}

const handshakes: readonly (readonly [string, ConnectionOptions])[] = [
  ['TLS 1.2', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
  ['another group', { ecdhCurve: 'P-521' }],
  ['another suite', { ciphers: 'TLS_AES_128_GCM_SHA256' }],
  ['no client certificate', { cert: undefined, key: undefined }],
]

for (const [name, change] of handshakes) {
  test(`control refuses a connection with ${name}`, async () => {
    await using world = await startTestControl()
    await using member = await joinModule(await world.boot('kafka_service', 'module'), kafka)
    await assert.rejects(askWith(world, { ...meshClientOptions(member, () => true), ...change }))
    await askWith(
      world,
      meshClientOptions(member, () => true),
    )
  })
}

test('control agrees on the hybrid group and resumes no session, though a client offers one', async () => {
  await using world = await startTestControl()
  await using member = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  const tls = meshClientOptions(member, () => true)
  const first = await openTwice(tls, world.handle().control)
  assert.deepEqual(first, { protocol: 'TLSv1.3', group: 'X25519MLKEM768', offered: true, reused: false })
  // The same client resumes where tickets are given, so the refusal above is the server's.
  const { secureOptions: _noTicket, ...lax } = meshServerOptions(member)
  const server = createServer(lax, (_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  assert.equal((await openTwice(tls, `https://127.0.0.1:${port}`)).reused, true)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Connects, takes the session that the server gives, and connects again offering it. */
async function openTwice(tls: ConnectionOptions, url: string) {
  const to = { ...tls, host: '127.0.0.1', port: Number(new URL(url).port) }
  const first = connect(to)
  const sessions: Buffer[] = []
  first.on('session', (session) => sessions.push(session))
  await once(first, 'secureConnect')
  first.write('GET /bulletin HTTP/1.1\r\nhost: control\r\n\r\n')
  await once(first, 'data')
  const { name } = first.getEphemeralKeyInfo() as { name?: string } // Node's type lacks the groups of TLS 1.3
  const session = sessions.at(-1)
  const again = connect({ ...to, ...(session === undefined ? {} : { session }) })
  await once(again, 'secureConnect')
  const seen = {
    protocol: first.getProtocol(),
    group: name,
    offered: session !== undefined,
    reused: again.isSessionReused(),
  }
  first.destroy()
  again.destroy()
  return seen
}

test('control answers refusals of members with problem documents', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  const { control } = world.handle()
  const tls = meshClientOptions(gateway, () => true)
  const cases: readonly (readonly [() => Promise<string>, string])[] = [
    [() => exchange({ tls, method: 'GET', url: `${control}/other` }), 'no-such-operation'],
    [() => exchange({ tls, method: 'POST', url: `${control}/bulletin` }), 'method-not-allowed'],
    [() => exchange({ tls, method: 'GET', url: `${control}//bulletin` }), 'ambiguous-target'],
    [() => exchange({ tls, method: 'GET', url: `${control}/bulletin/changes` }), 'parameter-invalid'],
    [() => exchange({ tls, method: 'GET', url: `${control}/bulletin/changes?after=1` }), 'parameter-invalid'],
    [() => exchange({ tls, method: 'POST', url: `${control}/renew` }), 'media-type-unsupported'],
    [() => exchange({ tls, method: 'POST', url: `${control}/renew`, body: {} }), 'enrolment-refused'],
    [() => exchange({ tls, method: 'POST', url: `${control}/renew`, body: 'x'.repeat(1024 * 1024) }), 'body-too-large'],
    [() => exchange({ tls, method: 'PUT', url: `${control}/instance`, body: {} }), 'workload-refused'],
  ]
  for (const [ask, code] of cases) await assert.rejects(ask, { name: 'PopError', code })
  assert.deepEqual(world.faults, [])
})

test('PUT /instance wants the certificate and the API key of one instance, and a manifest in force', async () => {
  await using world = await startTestControl()
  const boots = [await world.boot('kafka_service', 'module'), await world.boot('s3_service', 'module')] as const
  await using module = await joinModule(boots[0], kafka)
  await using other = await joinModule(boots[1], manifestOf('s3_service', '/v1/s3'))
  const [key, otherKey] = await Promise.all(boots.map(({ home }) => apiKeyOf(home)))
  const report = { address: 'https://127.0.0.1:7101', manifest_digest: manifestDigest(kafka), boot: 'A'.repeat(22) }
  const put = (member: Membership, apiKey: string | undefined, change: object = {}) =>
    exchange({
      method: 'PUT',
      url: `${world.handle().control}/instance`,
      tls: meshClientOptions(member, () => true),
      body: { ...report, ...change },
      ...(apiKey === undefined ? {} : { headers: { 'x-api-key': apiKey } }),
    })
  await put(module, key)
  const elsewhere = key?.replace('pop_development_', 'pop_production_')
  for (const wrong of [undefined, '', otherKey, elsewhere, key?.slice(0, -1), `${key} `.trim().toLowerCase()]) {
    await assert.rejects(put(module, wrong), { name: 'PopError', code: 'workload-refused' })
  }
  await assert.rejects(put(other, key), { name: 'PopError', code: 'workload-refused' })
  await assert.rejects(put(module, key, { manifest_digest: 'sha-256:other' }), {
    name: 'PopError',
    code: 'workload-refused',
  })
  for (const change of [
    { address: 'http://127.0.0.1:7101' },
    { address: 'https://127.0.0.1:7101/path' },
    { address: 'https://user@127.0.0.1:7101' },
    { boot: 'short' },
    { boot: undefined },
    { spiffe_id: kafkaId },
  ]) {
    await assert.rejects(put(module, key, change), { name: 'PopError', code: 'body-invalid' })
  }
})

test('a second enrolment of an instance ends the API key of the first', async () => {
  await using world = await startTestControl()
  const [old, fresh] = [await world.boot('kafka_service', 'module'), await world.boot('kafka_service', 'module')]
  await using first = await joinModule(old, kafka)
  const report = { address: 'https://127.0.0.1:7101', manifest_digest: manifestDigest(kafka), boot: 'A'.repeat(22) }
  await first.reportInstance(report)
  await using second = await joinModule(fresh, kafka)
  await second.reportInstance(report)
  await assert.rejects(first.reportInstance(report), { name: 'PopError', code: 'workload-refused' })
})

async function apiKeyOf(home: string): Promise<string> {
  const kept: unknown = JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8'))
  return (kept as { granted: { api_key: string } }).granted.api_key // written by `writeGrant` for a module
}

interface Served {
  readonly address: string
  readonly peers: string[]
  readonly guard: ReturnType<typeof guardMeshServer>
  readonly server: Server
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A member that serves: answers with the SPIFFE ID of whoever asks. */
async function serve(member: { readonly mesh: () => MeshIdentity }): Promise<Served> {
  const peers: string[] = []
  const server = createServer(meshServerOptions(member), (request, response) => {
    const peer = peerSpiffeId(request.socket as TLSSocket) ?? 'nobody' // an HTTPS server has no other sockets
    peers.push(peer)
    if (request.url === '/wait') return
    response.end(peer)
  })
  const guard = guardMeshServer(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  return {
    address: `https://127.0.0.1:${port}`,
    peers,
    guard,
    server,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const poolOptions = { connectionsMax: 4, connectTimeoutMs: 2_000 }

test('createPeerPools() reaches the peer that was dialled, and nobody else at its address', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  await using other = await joinModule(await world.boot('s3_service', 'module'), manifestOf('s3_service', '/v1/s3'))
  await using pools = createPeerPools(gateway, poolOptions)
  await using served = await serve(module)
  await using impostor = await serve(other)
  const get = async (spiffeId: string, address: string): Promise<string> => {
    const { body } = await pools.poolOf(spiffeId, address).request({ method: 'GET', path: '/' })
    return await body.text()
  }
  assert.equal(await get(kafkaId, served.address), gateway.spiffeId)
  assert.equal(pools.poolOf(kafkaId, served.address), pools.poolOf(kafkaId, served.address))
  await assert.rejects(get(kafkaId, impostor.address), /not who was dialled/)
  await assert.rejects(get(other.spiffeId, served.address), /not who was dialled/)
  assert.deepEqual(impostor.peers, [])
  assert.throws(() => pools.poolOf(kafkaId, 'http://127.0.0.1:1'), { name: 'PopError', code: 'module-unavailable' })
  assert.equal(await get(kafkaId, served.address), gateway.spiffeId)
})

test('destroyPeer() of pools and of a guard ends a request in flight', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  await using pools = createPeerPools(gateway, poolOptions)
  await using served = await serve(module)
  const begin = async (): Promise<{ readonly end: Promise<string> }> => {
    const before = served.peers.length
    const waiting = pools.poolOf(kafkaId, served.address).request({ method: 'GET', path: '/wait' })
    const end = waiting.then(
      () => 'answered',
      () => 'ended',
    )
    while (served.peers.length === before) await delay(5)
    return { end }
  }
  const first = await begin()
  served.guard.destroyPeer('spiffe://pop.internal/gateway/other')
  served.guard.destroyPeer(gateway.spiffeId)
  assert.equal(await first.end, 'ended')
  const second = await begin()
  await pools.destroyPeer(kafkaId)
  assert.equal(await second.end, 'ended')
})

test('a workload renews at half of its life, listeners reload, requests in flight finish, connections end with their certificate', async () => {
  await using world = await startTestControl({ lives: { meshMs: 6_000, publicMs: 6_000 } })
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'), { random: () => 0.5 })
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka, { random: () => 0.5 })
  await using pools = createPeerPools(gateway, poolOptions)
  await using served = await serve(module)
  module.onRenew(() => served.server.setSecureContext(meshServerOptions(module)))
  const before = { mesh: gateway.mesh(), wit: gateway.credentials().wit, open: gateway.publicIdentity().certificate }
  const held = connect({
    ...meshClientOptions(gateway, () => true),
    host: '127.0.0.1',
    port: Number(new URL(served.address).port),
  })
  const heldEnded = new Promise((resolve) => held.once('close', resolve))
  held.on('error', () => undefined)
  await new Promise<void>((resolve) => gateway.onRenew(resolve))
  assert.notEqual(gateway.mesh().certificate, before.mesh.certificate)
  assert.equal(gateway.mesh().privateKey, before.mesh.privateKey)
  assert.notEqual(gateway.credentials().wit, before.wit)
  assert.notEqual(gateway.publicIdentity().certificate, before.open)
  await heldEnded
  const { body } = await pools.poolOf(kafkaId, served.address).request({ method: 'GET', path: '/' })
  assert.equal(await body.text(), gateway.spiffeId)
  assert.deepEqual(world.faults, [])
})
