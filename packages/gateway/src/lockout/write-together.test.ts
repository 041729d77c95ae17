import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeTogether } from './write-together.ts'

test('writeTogether() writes in order, together what came meanwhile, and goes on after a failure', async () => {
  const written: (readonly number[])[] = []
  const write = writeTogether<number>(async (lines) => {
    written.push([...lines])
    await Promise.resolve()
    if (lines.includes(2)) throw new Error('no room')
  })
  const first = write(1)
  await Promise.resolve()
  const failing = [write(2), write(3)]
  await first
  for (const one of failing) await assert.rejects(one, /no room/)
  await write(4)
  assert.deepEqual(written, [[1], [2, 3], [4]])
})
