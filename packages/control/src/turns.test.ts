import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { createTurns } from './turns.ts'

const busy = (): PopError => new PopError('identity-unavailable', 'busy')

test('createTurns() does one piece of work after another, whatever becomes of those before', async () => {
  const inTurn = createTurns(busy)
  const said: string[] = []
  const work = (name: string) => async (): Promise<string> => {
    said.push(`${name} begins`)
    await new Promise((resolve) => setImmediate(resolve))
    said.push(`${name} ends`)
    if (name === 'a') throw new Error('a fails')
    return name
  }
  const [first, ...others] = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn(work(name))))
  assert.equal(first?.status, 'rejected')
  assert.deepEqual(
    others.map((outcome) => outcome.status === 'fulfilled' && outcome.value),
    ['b', 'c'],
  )
  assert.deepEqual(said, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('createTurns() refuses what waits too long and does nothing of it, and goes on with what comes later', async () => {
  const inTurn = createTurns(busy, 5)
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const first = inTurn(() => held)
  let isDone = false
  const waiting = inTurn(async () => void (isDone = true))
  await assert.rejects(waiting, { code: 'identity-unavailable' })
  resolve()
  await first
  assert.equal(await inTurn(() => Promise.resolve('later')), 'later')
  assert.equal(isDone, false)
})
