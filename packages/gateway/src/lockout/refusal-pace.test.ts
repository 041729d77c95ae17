import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRefusalPace } from './refusal-pace.ts'

test('keepRefusalPace() gives one of the last refusals, a guess before the first, and no long one', () => {
  let random = 0
  const pace = keepRefusalPace(() => random)
  assert.equal(pace.present(), 100)
  for (let ms = 1; ms <= 17; ms++) pace.note(ms)
  assert.equal(pace.present(), 2)
  random = 0.999
  assert.equal(pace.present(), 17)
  pace.note(60_000)
  assert.equal(pace.present(), 2_000)
})
