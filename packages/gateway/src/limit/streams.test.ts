import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { countStreams } from './streams.ts'

test('countStreams() refuses a caller that has its full number under way, and nobody else', () => {
  const streams = countStreams(2)
  const end = streams.begin('user:a')
  streams.begin('user:a')
  assert.throws(
    () => streams.begin('user:a'),
    (error) => error instanceof PopError && error.code === 'rate-limited' && error.headers['retry-after'] === '1',
  )
  streams.begin('user:b')
  end()
  streams.begin('user:a')
})
