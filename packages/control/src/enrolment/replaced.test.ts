import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import { manifestDigest } from '@pop-api/protocol'
import {
  exchange,
  joinGateway,
  joinModule,
  makeCsr,
  meshClientOptions,
  openStream,
  type JoinOptions,
  type Membership,
} from '@pop-api/workload'
import { auditLevelOf, manifestOf, settingsWith, startTestControl, type TestControl } from '../test-world.ts'

// A workload is enrolled once more with new keys, because its host was lost: whoever has the old ones is nobody from then on.

const manifest = manifestOf('notes', '/v1/notes')
const quiet: JoinOptions = { onProblem: () => undefined }
const replaced = { name: 'PopError', code: 'workload-refused', message: /enrolled again/ }
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' })
const tlsOf = (member: Membership) => meshClientOptions(member, () => true)

/** Every call of control's listener that a module has. */
function callsOf(member: Membership, control: string): readonly (() => Promise<unknown>)[] {
  const tls = tlsOf(member)
  const [csr, messageKey] = [makeCsr(newKey()), newKey()]
  return [
    () => exchange({ tls, method: 'GET', url: `${control}/bulletin` }),
    () => openStream({ tls, method: 'GET', url: `${control}/bulletin/changes?after=1.0` }, 1_000),
    () => exchange({ tls, method: 'POST', url: `${control}/bulletin/applied`, body: { epoch: 1, sequence: 0 } }),
    () => exchange({ tls, method: 'PUT', url: `${control}/instance`, body: {} }),
    () =>
      exchange({
        tls,
        method: 'POST',
        url: `${control}/renew`,
        body: { csr, message_jwk: jwkOf(messageKey), manifest },
      }),
  ]
}

async function reads(member: Membership, world: TestControl): Promise<string> {
  return await exchange({ tls: tlsOf(member), method: 'GET', url: `${world.handle().control}/bulletin` })
}

test('the certificate of an earlier enrolment opens nothing at control, and its stream ends', async () => {
  await using world = await startTestControl()
  await using old = await joinModule(await world.boot('notes', 'module'), manifest, quiet)
  const { control } = world.handle()
  const url = `${control}/bulletin/changes?after=1.0`
  const stream = await openStream({ tls: tlsOf(old), method: 'GET', url }, 5_000)
  const ended = new Promise((resolve) =>
    stream
      .on('error', () => undefined)
      .resume()
      .once('close', resolve),
  )
  await using fresh = await joinModule(await world.boot('notes', 'module'), manifest)
  assert.equal(fresh.spiffeId, old.spiffeId)
  await ended
  for (const call of callsOf(old, control)) await assert.rejects(call(), replaced)
  const report = { address: 'https://127.0.0.1:7101', manifest_digest: manifestDigest(manifest), boot: 'A'.repeat(22) }
  await assert.rejects(old.reportInstance(report), replaced)
  await fresh.reportInstance(report)
  await reads(fresh, world)
})

test('nothing that is published after a new enrolment reaches a stream of the old one', async () => {
  await using world = await startTestControl()
  await using old = await joinGateway(await world.boot('gateway-1', 'gateway'), quiet)
  await using fresh = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await world.handle().publish('settings', settingsWith('basic'))
  while (auditLevelOf(fresh.bulletin) !== 'basic') await delay(10)
  assert.equal(auditLevelOf(old.bulletin), 'full')
})

test('of two holders of one gateway name the later one keeps its Txn-Token key', async () => {
  await using world = await startTestControl()
  await using old = await joinGateway(await world.boot('gateway-1', 'gateway'), quiet)
  await using fresh = await joinGateway(await world.boot('gateway-1', 'gateway'))
  const [mesh, open, message, txn] = [newKey(), newKey(), newKey(), newKey()]
  const body = { csr: makeCsr(mesh), public_csr: makeCsr(open), message_jwk: jwkOf(message), txn_jwk: jwkOf(txn) }
  const renew = (member: Membership) =>
    exchange({ tls: tlsOf(member), method: 'POST', url: `${world.handle().control}/renew`, body })
  await assert.rejects(renew(old), replaced)
  // Nor may the present holder move on to another mesh key without a token: a stolen certificate would outlive its renewal.
  await assert.rejects(renew(fresh), { name: 'PopError', code: 'enrolment-refused', message: /same mesh key/ })
  const keys = fresh.bulletin.section('trust')?.txn_keys ?? []
  const active = keys.filter(({ state }) => state === 'active').map(({ kid }) => kid)
  assert.deepEqual(active, [fresh.txnSigner.kid])
})

test('a request that began before the new enrolment and ends after it is refused', async () => {
  await using world = await startTestControl()
  await using old = await joinGateway(await world.boot('gateway-1', 'gateway'), quiet)
  const socket = connect({ ...tlsOf(old), host: '127.0.0.1', port: Number(new URL(world.handle().control).port) })
  await once(socket, 'secureConnect')
  const body = JSON.stringify({ epoch: 1, sequence: 0 })
  const fields = `Host: control\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  socket.write(`POST /bulletin/applied HTTP/1.1\r\n${fields}\r\n\r\n${body.slice(0, 5)}`)
  await reads(old, world)
  await using _fresh = await joinGateway(await world.boot('gateway-1', 'gateway'))
  socket.end(body.slice(5))
  const [answer] = (await once(socket, 'data')) as [Buffer] // a socket without an encoding gives Buffers
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 403 .*workload-refused/s)
})

test('a workload that enrols again with its own keys stays who it is', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('notes', 'module')
  await using first = await joinModule(boot, manifest)
  const home = `${boot.home}-again`
  await mkdir(home, { mode: 0o700 })
  await cp(join(boot.home, 'keys'), join(home, 'keys'), { recursive: true })
  const token = world.handle().issueToken({ name: 'notes', kind: 'module' })
  await using second = await joinModule({ ...boot, home, token }, manifest)
  assert.notEqual(second.mesh().certificate, first.mesh().certificate)
  await reads(first, world)
  await reads(second, world)
})

test('in a store of the first version the key of a workload is the one that it shows first', async () => {
  await using world = await startTestControl()
  await using old = await joinModule(await world.boot('notes', 'module'), manifest, quiet)
  await world.stop()
  const state = new DatabaseSync(join(world.home, 'state.db'))
  state.exec('alter table workloads drop column mesh_key; drop table session_ends; pragma user_version = 0')
  state.close()
  await world.restart()
  await reads(old, world)
  await using fresh = await joinModule(await world.boot('notes', 'module'), manifest)
  await assert.rejects(reads(old, world), replaced)
  await reads(fresh, world)
})
