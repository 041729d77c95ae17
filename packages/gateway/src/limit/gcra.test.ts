import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { createRateLimiter } from './gcra.ts'

function admitted(limit: (key: string, nowMs: number) => void, key: string, nowMs: number): boolean {
  try {
    limit(key, nowMs)
    return true
  } catch (error) {
    assert.ok(error instanceof PopError && error.code === 'rate-limited')
    assert.ok(Number(error.headers['retry-after']) >= 1)
    return false
  }
}

function count(limit: (key: string, nowMs: number) => void, key: string, nowMs: number, tries: number): number {
  return Array.from({ length: tries }, () => admitted(limit, key, nowMs)).filter(Boolean).length
}

test('createRateLimiter() takes a burst, then the steady rate', () => {
  const limit = createRateLimiter({ perSecond: 10, burst: 5 }, 100)
  assert.equal(count(limit, 'bob', 0, 50), 6)
  assert.equal(admitted(limit, 'bob', 99), false)
  assert.equal(admitted(limit, 'bob', 100), true)
  assert.equal(admitted(limit, 'bob', 100), false)
})

test('createRateLimiter() counts each caller apart', () => {
  const limit = createRateLimiter({ perSecond: 1, burst: 1 }, 100)
  assert.equal(count(limit, 'bob', 0, 10), 2)
  assert.equal(count(limit, 'carol', 0, 10), 2)
})

test('createRateLimiter() is not got round by many names: above its memory they share one bucket', () => {
  const limit = createRateLimiter({ perSecond: 1, burst: 1 }, 3)
  const passed = Array.from({ length: 100 }, (_, index) => admitted(limit, `name-${index}`, 0)).filter(Boolean).length
  assert.equal(passed, 3 + 2)
})

test('createRateLimiter() gives the memory of quiet callers to new ones', () => {
  const limit = createRateLimiter({ perSecond: 1, burst: 1 }, 2)
  assert.equal(count(limit, 'a', 0, 1) + count(limit, 'b', 0, 1), 2)
  assert.equal(count(limit, 'c', 10_000, 2), 2)
})
