import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { importKeyRecord, type ModuleEntry, type SectionName, type TrustSection } from '@pop-api/protocol'
import { createBulletinLedger, WorkloadError, type BulletinLedger } from '@pop-api/workload'
import { openPress, type Press } from './press.ts'
import type { Audience } from './views.ts'

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signer = { kid: 'bulletin', privateKey: keys.privateKey }
const record = importKeyRecord({ ...keys.publicKey.export({ format: 'jwk' }), kid: 'bulletin', alg: 'ES256' })
const policy = { roles: { user: ['create_resource'] }, module_permissions: {}, grants: {} }
const trust: TrustSection = { domain: 'pop.internal', authorities: [], wit_issuers: [], txn_keys: [] }

function entry(name: string, boot = 'b'): ModuleEntry {
  const instances = [{ spiffe_id: `spiffe://pop.internal/module/${name}/1`, address: 'https://127.0.0.1:7101', boot }]
  return { name, manifest: { openapi: '3.1.0' }, manifest_digest: 'd', instances }
}

function ledgerOf(audience: Audience): BulletinLedger {
  assert.ok(record !== undefined)
  return createBulletinLedger(record, audience)
}

function world(path = ':memory:') {
  let nowMs = 1000
  const press = openPress(path, signer, () => (nowMs += 10))
  press.publish('trust', trust)
  press.publish('policy', policy)
  press.publish('modules', { a: entry('a'), b: entry('b') })
  return { press, pass: (ms: number) => (nowMs += ms) }
}

/** A follower that has the snapshot and notes every JWS that comes, before it is applied. */
function follower(press: Press, audience: Audience) {
  const ledger = ledgerOf(audience)
  const came: string[] = []
  const told: SectionName[] = []
  assert.equal(ledger.apply(press.snapshot(audience)), 'applied')
  ledger.onChange((section) => told.push(section))
  press.follow(audience, (jws) => came.push(jws))
  return { ledger, came, told }
}

test('a follower goes with every change of its view, and is told which section it was', () => {
  const { press } = world()
  const { ledger, came, told } = follower(press, 'gateways')
  press.publish('policy', { ...policy, roles: {} })
  press.publish('modules', { a: entry('a', 'second') })
  assert.deepEqual(
    came.map((jws) => ledger.apply(jws)),
    ['applied', 'applied'],
  )
  assert.deepEqual(told, ['policy', 'modules'])
  assert.deepEqual(ledger.section('policy')?.roles, {})
  assert.equal(ledger.section('modules')?.['a']?.instances[0]?.boot, 'second')
  assert.deepEqual(ledger.position(), press.position())
})

test('a module sees trust and its own entry, and nothing of the others', () => {
  const { press } = world()
  const { ledger, came } = follower(press, 'module:a')
  assert.deepEqual(Object.keys(ledger.section('modules') ?? {}), ['a'])
  assert.equal(ledger.section('policy'), undefined)
  assert.equal(ledger.section('settings'), undefined)
  press.publish('modules', { a: entry('a'), b: entry('b', 'second') })
  press.publish('policy', { ...policy, roles: {} })
  assert.deepEqual(came, [])
  press.publish('modules', { a: entry('a', 'third'), b: entry('b', 'second') })
  assert.deepEqual(
    came.map((jws) => ledger.apply(jws)),
    ['applied'],
  )
})

test('a heartbeat counts nothing and makes the bulletin younger', () => {
  const { press, pass } = world()
  const { ledger, came } = follower(press, 'gateways')
  const before = ledger.position()
  pass(60_000)
  press.beat()
  assert.deepEqual(
    came.map((jws) => ledger.apply(jws)),
    ['fresh'],
  )
  assert.deepEqual(ledger.position(), before)
  assert.ok(ledger.ageMs(61_100) < 1000)
  assert.equal(ledgerOf('gateways').ageMs(0), Number.POSITIVE_INFINITY)
})

test('a missed change is a gap, which only a new snapshot closes', () => {
  const { press } = world()
  const { ledger, came } = follower(press, 'gateways')
  press.publish('policy', { ...policy, roles: {} })
  press.publish('settings', { limits: {} })
  const [missed = '', next = ''] = came
  assert.equal(ledger.apply(next), 'gap')
  press.beat()
  assert.equal(ledger.apply(came.at(-1) ?? ''), 'gap')
  assert.equal(ledger.section('settings'), undefined)
  assert.equal(ledger.apply(press.snapshot('gateways')), 'applied')
  assert.deepEqual(ledger.section('settings'), { limits: {} })
  assert.equal(ledger.apply(missed), 'old')
})

test('an older bulletin is refused, whatever it is', () => {
  const { press } = world()
  const old = press.snapshot('gateways')
  const { ledger, came } = follower(press, 'gateways')
  press.publish('policy', { ...policy, roles: {} })
  for (const jws of came) ledger.apply(jws)
  for (const jws of [old, ...came]) assert.equal(ledger.apply(jws), 'old')
  assert.deepEqual(ledger.section('policy')?.roles, {})
})

test('a bulletin for another audience or of another key is refused', () => {
  const { press } = world()
  const refused = (error: unknown): boolean => error instanceof WorkloadError && error.code === 'bulletin-refused'
  assert.throws(() => ledgerOf('module:b').apply(press.snapshot('module:a')), refused)
  assert.throws(() => ledgerOf('module:a').apply(press.snapshot('gateways')), refused)
  const forged = openPress(
    ':memory:',
    { ...signer, privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
    () => 1,
  )
  assert.throws(() => ledgerOf('gateways').apply(forged.snapshot('gateways')), refused)
  assert.throws(() => ledgerOf('gateways').apply('x'), refused)
})

test('what a follower keeps gives the same ledger after a restart', () => {
  const { press } = world()
  const { ledger, came } = follower(press, 'gateways')
  press.publish('policy', { ...policy, roles: {} })
  press.beat()
  for (const jws of came) ledger.apply(jws)
  const again = ledgerOf('gateways')
  for (const jws of ledger.texts()) again.apply(jws)
  assert.deepEqual(again.position(), ledger.position())
  assert.deepEqual(again.section('policy'), ledger.section('policy'))
  assert.equal(again.ageMs(1_000_000), ledger.ageMs(1_000_000))
})

test('the press counts on after a restart, and an unchanged section is no change', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pop-press-'))
  const path = join(folder, 'state.db')
  const first = world(path)
  const { ledger } = follower(first.press, 'gateways')
  const before = first.press.position()
  first.press[Symbol.dispose]()
  const second = openPress(path, signer, () => 10_000)
  second.publish('policy', policy)
  assert.deepEqual(second.position(), before)
  second.publish('policy', { ...policy, roles: {} })
  assert.equal(second.position().sequence, before.sequence + 1)
  assert.equal(ledger.apply(second.snapshot('gateways')), 'applied')
  second[Symbol.dispose]()
  await rm(folder, { recursive: true })
})

test('a press that was restored from an older copy goes on in a higher epoch', () => {
  const { press } = world()
  const { ledger } = follower(press, 'gateways')
  const restored = openPress(':memory:', signer, () => 1)
  restored.publish('policy', policy)
  assert.equal(ledger.apply(restored.snapshot('gateways')), 'old')
  const ahead = ledger.position()
  assert.ok(ahead !== undefined)
  restored.outrun(ahead)
  assert.deepEqual(restored.position().epoch, 2)
  assert.equal(ledger.apply(restored.snapshot('gateways')), 'applied')
  restored.outrun({ epoch: 1, sequence: 0 })
  restored.outrun({ epoch: 1_000_000, sequence: 0 })
  assert.deepEqual(restored.position().epoch, 2)
})
