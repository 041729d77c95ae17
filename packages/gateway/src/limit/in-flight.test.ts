import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { countInFlight } from './in-flight.ts'

test('countInFlight() refuses a caller that has its full number under way, and nobody else', () => {
  const inFlight = countInFlight(2)
  const end = inFlight.begin('user:a')
  inFlight.begin('user:a')
  assert.throws(
    () => inFlight.begin('user:a'),
    (error) => error instanceof PopError && error.code === 'rate-limited' && error.headers['retry-after'] === '1',
  )
  inFlight.begin('user:b')
  end()
  inFlight.begin('user:a')
})
