import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { limitConcurrency } from './concurrency.ts'

const limited = (error: unknown): boolean =>
  error instanceof PopError && error.code === 'rate-limited' && error.headers['retry-after'] === '1'

test('limitConcurrency() refuses a caller that has its full number under way, and nobody else', () => {
  const streams = limitConcurrency({ perCaller: 2, what: 'streams' })
  const end = streams.begin('user:a')
  streams.begin('user:a')
  assert.throws(() => streams.begin('user:a'), limited)
  streams.begin('user:b')
  end()
  streams.begin('user:a')
})

test('limitConcurrency() refuses everybody where as many are under way as may be, until one has ended', () => {
  const questions = limitConcurrency({ perCaller: 2, all: 3, what: 'questions' })
  const end = questions.begin('user:a')
  questions.begin('user:a')
  questions.begin('user:b')
  assert.throws(() => questions.begin('user:c'), limited)
  end()
  questions.begin('user:c')
  assert.throws(() => questions.begin('user:b'), limited)
})
