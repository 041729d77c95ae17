import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { artifactStore } from './artifact-store.ts'
import { transact } from '@pop-api/workload'
import { openDatabase } from './database.ts'
import { revokedTokens } from './revoked-tokens.ts'

async function databaseFor(t: TestContext): Promise<DatabaseSync> {
  const folder = await mkdtemp(join(tmpdir(), 'pop-state-'))
  const database = await openDatabase(join(folder, 'identity'))
  t.after(async () => {
    database.close()
    await rm(folder, { recursive: true })
  })
  return database
}

async function storeFor(t: TestContext) {
  const database = await databaseFor(t)
  const clock = { ms: 1_000_000 }
  const store = artifactStore(
    database,
    () => clock.ms,
    (detail) => new Error(detail),
  )
  return { database, clock, store, rows: () => database.prepare('select count(*) as n from artifact').get()?.['n'] }
}

test('adapter() finds what was kept, by model, until it expires', async (t) => {
  const { store, clock } = await storeFor(t)
  const tokens = store.adapter('RefreshToken')
  await tokens.upsert('a', { jti: 'a', accountId: 'bob' }, 10)
  assert.deepEqual(await tokens.find('a'), { jti: 'a', accountId: 'bob' })
  assert.equal(await tokens.find('A'), undefined)
  assert.equal(await store.adapter('Grant').find('a'), undefined)
  clock.ms += 9_999
  assert.notEqual(await tokens.find('a'), undefined)
  clock.ms += 1
  assert.equal(await tokens.find('a'), undefined)
})

test('adapter() finds by uid and by user code, and forgets what is destroyed', async (t) => {
  const { store } = await storeFor(t)
  const sessions = store.adapter('Session')
  await sessions.upsert('s', { uid: 'u', accountId: 'bob' }, 10)
  assert.equal((await sessions.findByUid('u'))?.['accountId'], 'bob')
  assert.equal(await sessions.findByUid('s'), undefined)
  const codes = store.adapter('DeviceCode')
  await codes.upsert('d', { userCode: 'ABCD', accountId: 'bob' }, 10)
  assert.equal((await codes.findByUserCode('ABCD'))?.['accountId'], 'bob')
  await sessions.destroy('s')
  assert.equal(await sessions.findByUid('u'), undefined)
})

test('consume() spends once; the second time it throws and ends the session', async (t) => {
  const { store } = await storeFor(t)
  const [grants, tokens] = [store.adapter('Grant'), store.adapter('RefreshToken')]
  await grants.upsert('g', { accountId: 'bob' }, 10)
  await tokens.upsert('a', { grantId: 'g' }, 10)
  await grants.upsert('other', { accountId: 'bob' }, 10)
  await tokens.upsert('b', { grantId: 'other' }, 10)
  await tokens.consume('a')
  assert.equal((await tokens.find('a'))?.['consumed'], 1000)
  await assert.rejects(tokens.consume('a'), /already used/)
  assert.equal(await tokens.find('a'), undefined)
  assert.equal(await grants.find('g'), undefined)
  assert.notEqual(await tokens.find('b'), undefined)
  await assert.rejects(tokens.consume('unknown'), /already used/)
})

test('endSession() says whether there was a session', async (t) => {
  const { store } = await storeFor(t)
  await store.adapter('Grant').upsert('g', { accountId: 'bob' }, 10)
  assert.equal(store.endSession('g'), true)
  assert.equal(store.endSession('g'), false)
})

test('adapter() keeps no token of a session that has ended', async (t) => {
  const { store, clock, rows } = await storeFor(t)
  const [grants, tokens] = [store.adapter('Grant'), store.adapter('RefreshToken')]
  await grants.upsert('g', { accountId: 'bob' }, 10)
  await tokens.upsert('a', { grantId: 'g' }, 10)
  await tokens.consume('a')
  store.endSession('g')
  await assert.rejects(tokens.upsert('b', { grantId: 'g' }, 10), /session has ended/)
  assert.equal(await tokens.find('b'), undefined)
  assert.equal(rows(), 0)
  await grants.upsert('h', { accountId: 'bob' }, 10)
  clock.ms += 10_000
  await assert.rejects(tokens.upsert('c', { grantId: 'h' }, 10), /session has ended/)
})

test('revokeByGrantId() removes the tokens of one model and leaves the grant', async (t) => {
  const { store, rows } = await storeFor(t)
  await store.adapter('Grant').upsert('g', { accountId: 'bob' }, 10)
  await store.adapter('RefreshToken').upsert('a', { grantId: 'g' }, 10)
  await store.adapter('DeviceCode').upsert('d', { grantId: 'g' }, 10)
  await store.adapter('RefreshToken').revokeByGrantId('g')
  assert.equal(rows(), 2)
})

test('purge() removes expired rows and no others', async (t) => {
  const { database, store, clock, rows } = await storeFor(t)
  const revoked = revokedTokens(database, () => clock.ms)
  await store.adapter('RefreshToken').upsert('a', {}, 10)
  await store.adapter('RefreshToken').upsert('b', {}, 20)
  revoked.add('a', clock.ms + 10_000)
  revoked.add('b', clock.ms + 20_000)
  clock.ms += 10_000
  store.purge()
  revoked.purge()
  assert.equal(rows(), 1)
  assert.notEqual(await store.adapter('RefreshToken').find('b'), undefined)
  assert.deepEqual([revoked.has('a'), revoked.has('b')], [false, true])
})

test('openDatabase() is durable: WAL with full synchronisation', async (t) => {
  const database = await databaseFor(t)
  assert.equal(database.prepare('pragma journal_mode').get()?.['journal_mode'], 'wal')
  assert.equal(database.prepare('pragma synchronous').get()?.['synchronous'], 2)
})

test('transact() keeps nothing of work that throws', async (t) => {
  const database = await databaseFor(t)
  const revoked = revokedTokens(database, () => 0)
  const work = (): void => {
    revoked.add('a', 1)
    throw new Error('no')
  }
  assert.throws(() => transact(database, work), /no/)
  assert.equal(revoked.has('a'), false)
  transact(database, () => revoked.add('a', 1))
  assert.equal(revoked.has('a'), true)
})
