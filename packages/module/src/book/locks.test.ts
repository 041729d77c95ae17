import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createResourceLocks } from './locks.ts'

test('hold() shares with those who share, and keeps everybody from who is alone', async () => {
  const locks = createResourceLocks()
  const order: string[] = []
  const enter = async (name: string, mode: 'shared' | 'alone') => {
    const release = await locks.hold('a', mode)
    order.push(name)
    return release
  }
  const first = await enter('shared 1', 'shared')
  const second = await enter('shared 2', 'shared')
  const alone = enter('alone', 'alone')
  const late = enter('shared 3', 'shared')
  const other = await locks.hold('b', 'alone')
  assert.deepEqual(order, ['shared 1', 'shared 2'])
  first()
  second()
  const releaseAlone = await alone
  assert.deepEqual(order, ['shared 1', 'shared 2', 'alone'])
  releaseAlone()
  ;(await late)()
  other()
  assert.deepEqual(order, ['shared 1', 'shared 2', 'alone', 'shared 3'])
  assert.equal(locks.size(), 0)
})
