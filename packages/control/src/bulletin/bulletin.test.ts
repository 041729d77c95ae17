import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { keyIdOf } from '@pop-api/keyring'
import { importKeyRecord, manifestDigest, signBulletin, verifyBulletin, type BulletinSnapshot } from '@pop-api/protocol'
import {
  exchangeJson,
  joinGateway,
  joinModule,
  meshClientOptions,
  type JoinOptions,
  type Membership,
} from '@pop-api/workload'
import { auditLevelOf, manifestOf, settingsWith, startTestControl, type TestControl } from '../test-world.ts'

const kafka = manifestOf('kafka_service', '/v1/kafka')
const s3 = manifestOf('s3_service', '/v1/s3')
const quiet: JoinOptions = { onProblem: () => undefined }

/** Waits until a fact is there; the test's own time limit ends the waiting. */
async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await delay(10)
}

async function ask(member: Membership, url: string, method: 'GET' | 'POST' = 'GET', body?: unknown): Promise<unknown> {
  return await exchangeJson({ method, url, tls: meshClientOptions(member, () => true), body })
}

/** Control's bulletin key, as somebody would have it who took its home. */
async function bulletinSigner(world: TestControl) {
  const privateKey = createPrivateKey(await readFile(join(world.home, 'keys', 'bulletin.pem')))
  return { kid: keyIdOf(privateKey), privateKey }
}

test('a gateway sees all sections, a module its own entry and trust alone', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  await using other = await joinModule(await world.boot('s3_service', 'module'), s3)
  await until(() => Object.keys(gateway.bulletin.section('modules') ?? {}).length === 2)
  assert.equal(auditLevelOf(gateway.bulletin), 'full')
  assert.deepEqual(Object.keys(gateway.bulletin.section('policy')?.roles ?? {}), ['admin'])
  for (const [member, name] of [
    [module, 'kafka_service'],
    [other, 's3_service'],
  ] as const) {
    assert.deepEqual(Object.keys(member.bulletin.section('modules') ?? {}), [name])
    assert.equal(member.bulletin.section('policy'), undefined)
    assert.equal(member.bulletin.section('settings'), undefined)
    assert.deepEqual(member.bulletin.section('trust'), gateway.bulletin.section('trust'))
  }
})

test('publish() reaches a follower in the stream, counts once, and the follower reports it', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  await until(() => gateway.bulletin.section('modules')?.['kafka_service'] !== undefined)
  const before = gateway.bulletin.position()
  const moduleBefore = module.bulletin.position()
  const told: string[] = []
  gateway.bulletin.onChange((section) => told.push(section))
  await world.handle().publish('settings', settingsWith('basic'))
  await until(() => told.length > 0)
  await world.handle().publish('settings', settingsWith('basic'))
  assert.equal(auditLevelOf(gateway.bulletin), 'basic')
  const { epoch, sequence } = gateway.bulletin.position()
  assert.deepEqual([epoch, sequence], [before.epoch, before.sequence + 1])
  assert.deepEqual(module.bulletin.position(), moduleBefore)
  await until(() => world.handle().followers.get(gateway.spiffeId)?.sequence === sequence)
  assert.deepEqual(told, ['settings'])
})

test('a gateway learns of the instance that a module reports', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  const report = { address: 'https://127.0.0.1:7101', manifest_digest: manifestDigest(kafka), boot: 'A'.repeat(22) }
  await module.reportInstance(report)
  const instances = () => gateway.bulletin.section('modules')?.['kafka_service']?.instances ?? []
  await until(() => instances().length === 1)
  await module.reportInstance({ ...report, boot: 'B'.repeat(22) })
  await until(() => instances()[0]?.boot === 'B'.repeat(22))
  assert.equal(instances().length, 1)
  assert.equal(instances()[0]?.spiffe_id, module.spiffeId)
})

test('heartbeats keep the age low, and without control it grows', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'), quiet)
  const first = gateway.bulletin.ageMs()
  const position = gateway.bulletin.position()
  // Two heartbeats later the age is lower than the time that has gone by.
  await delay(2_200)
  assert(gateway.bulletin.ageMs() < first + 2_200)
  assert.deepEqual(gateway.bulletin.position(), position)
  await world.stop()
  const last = gateway.bulletin.ageMs()
  await delay(50)
  assert(gateway.bulletin.ageMs() > last)
})

test('a follower goes on when control is killed, and follows again when it is back on the same port', async () => {
  await using world = await startTestControl()
  const problems: unknown[] = []
  const options = { onProblem: (problem: unknown) => problems.push(problem) }
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'), options)
  const before = gateway.bulletin.position()
  await world.stop()
  await until(() => problems.length > 0)
  assert.equal(auditLevelOf(gateway.bulletin), 'full')
  await world.restart({ settings: settingsWith('basic') })
  await until(() => auditLevelOf(gateway.bulletin) === 'basic')
  assert.equal(gateway.bulletin.position().epoch, before.epoch)
  assert(gateway.bulletin.position().sequence > before.sequence)
})

test('control keeps authorities, modules and sequence over a restart, and counts nothing for it', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('kafka_service', 'module')
  const first = await joinModule(boot, kafka)
  const [trust, position, root] = [first.bulletin.section('trust'), first.bulletin.position(), world.handle().caPem]
  await first[Symbol.asyncDispose]()
  await world.restart()
  await using second = await joinModule(boot, kafka)
  assert.deepEqual(second.bulletin.section('trust'), trust)
  assert.deepEqual(second.bulletin.position(), position)
  assert.equal(world.handle().caPem, root)
})

test('a follower that missed changes takes a new snapshot', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('gateway-1', 'gateway')
  const first = await joinGateway(boot)
  await first[Symbol.asyncDispose]()
  await world.handle().publish('settings', settingsWith('basic'))
  await world.handle().publish('policy', { roles: {}, module_permissions: {}, grants: {} })
  await using second = await joinGateway(boot)
  await until(() => auditLevelOf(second.bulletin) === 'basic')
  assert.deepEqual(second.bulletin.section('policy')?.roles, {})
})

test('a follower that comes back to an older store makes control open a higher epoch', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('gateway-1', 'gateway')
  await using gateway = await joinGateway(boot, quiet)
  await world.stop()
  const backup = `${world.home}-backup`
  await cp(world.home, backup, { recursive: true })
  await world.restart({ settings: settingsWith('basic') })
  await until(() => auditLevelOf(gateway.bulletin) === 'basic')
  const ahead = gateway.bulletin.position()
  await world.stop()
  await rm(world.home, { recursive: true })
  await cp(backup, world.home, { recursive: true })
  await world.restart()
  await until(() => gateway.bulletin.position().epoch > ahead.epoch)
  await until(() => auditLevelOf(gateway.bulletin) === 'full')
  await world.handle().publish('settings', settingsWith('basic'))
  await until(() => auditLevelOf(gateway.bulletin) === 'basic')
  assert(gateway.bulletin.position().sequence > ahead.sequence)
})

test('control does not believe that a follower is ahead without its own signature', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  await using module = await joinModule(await world.boot('kafka_service', 'module'), kafka)
  const { control } = world.handle()
  const signer = await bulletinSigner(world)
  const claim = { epoch: 9, sequence: 1 }
  const proof = (aud: string, at = claim) =>
    signBulletin({ aud, ...at, previous: 1, issued: Date.now(), section: 'heartbeat' }, signer)
  const forged = signBulletin(
    { aud: 'gateways', ...claim, previous: 1, issued: 1, section: 'heartbeat' },
    { ...gateway.txnSigner, kid: signer.kid },
  )
  const refused = { name: 'PopError', code: 'workload-refused' }
  const applied = `${control}/bulletin/applied`
  for (const body of [
    claim,
    { ...claim, proof: forged },
    { ...claim, proof: proof('gateways', { ...claim, epoch: 8 }) },
  ]) {
    await assert.rejects(ask(gateway, applied, 'POST', body), refused)
  }
  await assert.rejects(ask(module, applied, 'POST', { ...claim, proof: proof('gateways') }), refused)
  for (const body of [{}, { epoch: -1, sequence: 0 }, { epoch: 1, sequence: '1' }, { ...claim, proof: 1 }, []]) {
    await assert.rejects(ask(gateway, applied, 'POST', body), { name: 'PopError', code: 'body-invalid' })
  }
  assert.equal(gateway.bulletin.position().epoch, 1)
})

/** A view on disk, changed while its workload is away; then what the workload makes of it while control is away. */
async function startFrom(change: (kept: Record<string, unknown>, world: TestControl) => Promise<void> | void) {
  await using world = await startTestControl()
  const boot = await world.boot('gateway-1', 'gateway')
  await (await joinGateway(boot))[Symbol.asyncDispose]()
  const path = join(boot.home, 'snapshot')
  const kept = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown> // our own file: an object
  await change(kept, world)
  await writeFile(path, JSON.stringify(kept))
  await world.stop()
  const gateway = await joinGateway(boot, { ...quiet, patienceMs: 500 })
  await gateway[Symbol.asyncDispose]()
  return gateway.bulletin
}

test('a follower starts from the view on disk while control is away', async () => {
  const bulletin = await startFrom(() => undefined)
  assert.equal(auditLevelOf(bulletin), 'full')
  assert(bulletin.ageMs() > 0)
})

const tampered: readonly (readonly [string, Parameters<typeof startFrom>[0]])[] = [
  ['changed by a character', (kept) => void (kept['snapshot'] = `${String(kept['snapshot']).slice(0, -4)}AAAA`)],
  ['signed by another key', async (kept, world) => void (kept['snapshot'] = await resigned(kept, world, {}, true))],
  [
    'of another audience',
    async (kept, world) => void (kept['snapshot'] = await resigned(kept, world, { aud: 'module:s3' })),
  ],
  ['without a snapshot', (kept) => void delete kept['snapshot']],
]

for (const [name, change] of tampered) {
  test(`a follower does not start from a view ${name}`, async () => {
    await assert.rejects(startFrom(change), { name: 'WorkloadError', code: 'control-unavailable' })
  })
}

async function resigned(kept: Record<string, unknown>, world: TestControl, change: object, foreign = false) {
  const signer = await bulletinSigner(world)
  const record = importKeyRecord({ ...createPublicKey(signer.privateKey).export({ format: 'jwk' }), kid: signer.kid })
  assert(record)
  const verdict = verifyBulletin(String(kept['snapshot']), record, { audience: 'gateways' })
  assert(verdict.ok)
  const key = foreign ? createPrivateKey(await readFile(join(world.home, 'keys', 'wit-issuer.pem'))) : signer.privateKey
  return signBulletin({ ...(verdict.value as BulletinSnapshot), ...change }, { ...signer, privateKey: key }) // snapshots alone are kept so
}
