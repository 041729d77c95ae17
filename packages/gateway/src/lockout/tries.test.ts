import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countTries } from './tries.ts'

test('begin() lets through as many as may fail, the next when one has ended, and none when nothing is left', async () => {
  const tries = countTries()
  let left = 2
  const begin = (): Promise<boolean> => tries.begin('a', () => left)
  assert.deepEqual(await Promise.all([begin(), begin()]), [true, true])
  let began = 0
  const third = begin().then((isIn) => {
    began++
    return isIn
  })
  const fourth = begin()
  assert.equal(await tries.begin('b', () => 1), true, 'another waits for nobody')
  assert.equal(began, 0)
  tries.end('a')
  assert.equal(await third, true)
  left = 0
  tries.end('a')
  assert.equal(await fourth, false)
  assert.equal(await begin(), false)
})
