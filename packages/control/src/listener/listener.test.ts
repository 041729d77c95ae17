import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as startRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { keyIdOf } from '@pop-api/keyring'
import { importKeyRecord, type SectionName, type TrustSection } from '@pop-api/protocol'
import { followBulletin, makeCsr, type BulletinLedger, type MeshIdentity } from '@pop-api/workload'
import { openAuthority, type Authority } from '../authority/authority.ts'
import { openPress, type Press } from '../bulletin/press.ts'
import { openListener, type Listener } from './listener.ts'

const domain = 'pop.internal'
const policy = { roles: { user: ['create_resource'] }, module_permissions: {}, grants: {} }
const trust: TrustSection = { domain, authorities: [], wit_issuers: [], txn_keys: [] }

async function identity(authority: Authority, spiffeId: string, roots = [authority.root]): Promise<MeshIdentity> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await authority.issue(makeCsr(privateKey), { kind: 'workload', spiffeId }, 3_600_000)
  return { certificate, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }), roots }
}

async function openWorld() {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'pop-listener-'))
  stack.defer(() => rm(home, { recursive: true }))
  const mesh = await openAuthority(join(home, 'mesh'), 'mesh', Date.now)
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = keyIdOf(keys.publicKey)
  const key = importKeyRecord({ ...keys.publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' })
  assert.ok(key !== undefined)
  const press = stack.use(openPress(join(home, 'state.db'), { kid, privateKey: keys.privateKey }, Date.now))
  press.publish('trust', trust)
  press.publish('policy', policy)
  press.publish('modules', { a: { name: 'a', manifest: {}, manifest_digest: 'd', instances: [] } })
  const control = await identity(mesh, `spiffe://${domain}/control/control-1`)
  const failures: unknown[] = []
  const interruptions: unknown[] = []
  let listener: Listener | undefined
  const open = async (port = 0, member = control): Promise<Listener> => {
    listener = await openListener({
      listen: { host: '127.0.0.1', port },
      member: { mesh: () => member },
      domain,
      press,
      failed: (_id, failure) => failures.push(failure),
    })
    return listener
  }
  stack.defer(async () => listener?.[Symbol.asyncDispose]())
  const follow = async (name: string, spiffeId: string, address: string) =>
    followBulletin({
      member: { mesh: () => member },
      control: address,
      domain,
      audience: spiffeId.includes('/gateway/') ? 'gateways' : 'module:a',
      key,
      home: join(home, name),
      random: () => 0,
      interrupted: (reason) => interruptions.push(reason),
    })
  const member = await identity(mesh, `spiffe://${domain}/gateway/gateway-1`)
  const owned = stack.move()
  return { home, mesh, press, open, follow, failures, interruptions, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function changed(ledger: BulletinLedger, wanted: SectionName, act: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  ledger.onChange((section) => (section === wanted ? resolve() : undefined))
  act()
  await promise
}

const gateway = `spiffe://${domain}/gateway/gateway-1`
const withoutUsers = (press: Press): void => press.publish('policy', { ...policy, roles: {} })

test('a gateway follows the bulletin over mTLS, and every change reaches it', async () => {
  await using world = await openWorld()
  const { address } = await world.open()
  await using follower = await world.follow('gateway-1', gateway, address)
  await follower.ready
  assert.deepEqual(follower.ledger.section('policy'), policy)
  await changed(follower.ledger, 'policy', () => withoutUsers(world.press))
  assert.deepEqual(follower.ledger.section('policy')?.roles, {})
  assert.deepEqual(world.failures, [])
})

test('a follower goes on with what it has while control is away, and catches up when it is back', async () => {
  await using world = await openWorld()
  const first = await world.open()
  await using follower = await world.follow('gateway-1', gateway, first.address)
  await follower.ready
  await first[Symbol.asyncDispose]()
  withoutUsers(world.press)
  assert.deepEqual(follower.ledger.section('policy'), policy)
  await changed(follower.ledger, 'policy', () => void world.open(Number(new URL(first.address).port)))
  assert.deepEqual(follower.ledger.section('policy')?.roles, {})
})

test('a follower that starts while control is away begins with the bulletin that it kept, and believes no other file', async () => {
  await using world = await openWorld()
  const listener = await world.open()
  {
    await using follower = await world.follow('gateway-1', gateway, listener.address)
    await follower.ready
    await changed(follower.ledger, 'policy', () => withoutUsers(world.press))
    // The change is kept on disk before the next one is read, and a disposed follower has finished what it read.
  }
  await listener[Symbol.asyncDispose]()
  {
    await using again = await world.follow('gateway-1', gateway, listener.address)
    await again.ready
    assert.deepEqual(again.ledger.section('policy')?.roles, {})
  }
  const file = join(world.home, 'gateway-1', 'snapshot')
  const [text = ''] = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify([`${text.slice(0, -4)}AAAA`]))
  await using fooled = await world.follow('gateway-1', gateway, listener.address)
  assert.equal(fooled.ledger.position(), undefined)
  assert.match(String(world.interruptions[0]), /refused/)
})

test('a follower takes nobody but a control node of its domain for control', async () => {
  await using world = await openWorld()
  const impostor = await identity(world.mesh, `spiffe://${domain}/module/a/1`)
  const { address } = await world.open(0, impostor)
  await using follower = await world.follow('gateway-1', gateway, address)
  while (world.interruptions.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.match(String(world.interruptions[0]), /which is not who was dialled/)
  assert.equal(follower.ledger.position(), undefined)
})

async function get(
  address: string,
  path: string,
  tls: ConnectionOptions,
): Promise<{ status: number | undefined; body: string }> {
  const request = startRequest(`${address}${path}`, { agent: false, checkServerIdentity: () => undefined, ...tls })
  request.end()
  const [response] = await once(request, 'response')
  return {
    status: response.statusCode,
    body: Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString('utf8'),
  }
}

test('the control listener speaks only TLS 1.3, to certificates of the mesh, and to gateways and modules among them', async () => {
  await using world = await openWorld()
  const { address } = await world.open()
  const tls = ({ certificate: cert, privateKey: key }: MeshIdentity): ConnectionOptions => ({
    cert,
    key,
    ca: world.mesh.root,
  })
  const good = tls(await identity(world.mesh, `spiffe://${domain}/module/a/1`))
  const answer = await get(address, '/bulletin', good)
  assert.equal(answer.status, 200)
  assert.doesNotMatch(Buffer.from(JSON.parse(answer.body).jws.split('.')[1], 'base64url').toString(), /create_resource/)
  assert.equal((await get(address, '/bulletin/', good)).status, 404)
  assert.equal((await get(address, '/bulletin/changes?after=1', good)).status, 404)
  const stranger = await openAuthority(join(world.home, 'stranger'), 'mesh', Date.now)
  const attacks: readonly (readonly [string, ConnectionOptions])[] = [
    ['no certificate', { ca: world.mesh.root }],
    ['another authority', tls(await identity(stranger, gateway))],
    ['TLS 1.2', { ...good, maxVersion: 'TLSv1.2' }],
  ]
  for (const [name, options] of attacks) await assert.rejects(get(address, '/bulletin', options), name)
  const foreign = tls(await identity(world.mesh, 'spiffe://other.internal/gateway/gateway-1'))
  assert.equal((await get(address, '/bulletin', foreign)).status, 403)
  const node = tls(await identity(world.mesh, `spiffe://${domain}/control/control-2`))
  assert.equal((await get(address, '/bulletin', node)).status, 403)
})
