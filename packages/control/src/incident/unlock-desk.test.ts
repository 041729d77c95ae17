import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isUnlocks, unlocksMax } from '@pop-api/protocol'
import { putSettingsOfFile } from '../settings/settings-desk.ts'
import { openStore } from '../store/store.ts'
import { settingsWith } from '../test-world.ts'
import { hasEndedUnlocks, putUnlocks, readUnlocks, sweepUnlocks } from './unlock-desk.ts'

const nowMs = 1_800_000_000_000

async function openDesk(scope: 'account' | 'account+network') {
  const folder = await mkdtemp(join(tmpdir(), 'pop-unlock-'))
  const store = openStore(join(folder, 'state.db'))
  putSettingsOfFile(store, { ...settingsWith('full'), lockout: { scope } })
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      store[Symbol.dispose]()
      await rm(folder, { recursive: true })
    },
  }
}

test('putUnlocks() orders it for each name, until no lock of now can live, and anew when it is asked again', async () => {
  await using desk = await openDesk('account+network')
  const { store } = desk
  putUnlocks(store, ['ann', 'ann@example.org'], nowMs)
  const until = nowMs + 360_000
  assert.deepEqual(readUnlocks(store), [
    { name: 'ann', at: nowMs, until },
    { name: 'ann@example.org', at: nowMs, until },
  ])
  putUnlocks(store, ['ann'], nowMs)
  putUnlocks(store, ['ann@example.org'], nowMs - 1_000)
  assert.deepEqual(
    readUnlocks(store).map(({ name, at }) => [name, at]),
    [
      ['ann', nowMs + 1],
      ['ann@example.org', nowMs + 1],
    ],
  )
})

test('putUnlocks() orders nothing where the provider alone counts', async () => {
  await using desk = await openDesk('account')
  putUnlocks(desk.store, ['ann'], nowMs)
  assert.deepEqual(readUnlocks(desk.store), [])
})

test('putUnlocks() keeps as many as a bulletin takes, the latest', async () => {
  await using desk = await openDesk('account+network')
  const { store } = desk
  for (let at = 0; at <= unlocksMax; at++) putUnlocks(store, [`user${at}`], nowMs + at)
  const kept = readUnlocks(store)
  assert.equal(isUnlocks(kept), true)
  assert.deepEqual([kept[0]?.name, kept.at(-1)?.name], ['user1', `user${unlocksMax}`])
})

test('sweepUnlocks() removes what has ended', async () => {
  await using desk = await openDesk('account+network')
  const { store } = desk
  putUnlocks(store, ['ann'], nowMs)
  putUnlocks(store, ['ben'], nowMs + 1_000)
  assert.equal(hasEndedUnlocks(store, nowMs + 359_999), false)
  assert.equal(hasEndedUnlocks(store, nowMs + 360_000), true)
  sweepUnlocks(store, nowMs + 360_000)
  assert.deepEqual(
    readUnlocks(store).map(({ name }) => name),
    ['ben'],
  )
})
