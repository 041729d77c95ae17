import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs } from './backoff.ts'

test('backoffMs() doubles up to its most, and leaves out at most half', () => {
  assert.equal(
    backoffMs(0, () => 0),
    200,
  )
  assert.equal(
    backoffMs(1, () => 0),
    400,
  )
  assert.equal(
    backoffMs(1, () => 0.5),
    300,
  )
  assert.equal(
    backoffMs(1000, () => 0),
    10_000,
  )
})

test('backoffMs() never waits longer than its most, nor nothing at all', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(), chance, (attempt, random) => {
      const waitMs = backoffMs(attempt, () => random)
      assert.ok(waitMs >= 100 && waitMs <= 10_000)
    }),
  )
})
