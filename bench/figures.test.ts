import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile } from './figures.ts'

test('median() is the middle value, whatever the order', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.ok(Number.isNaN(median([])))
})

test('percentile() is the value at the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile(values.toReversed(), 0.5), 50)
  assert.equal(percentile([7], 0.99), 7)
})
