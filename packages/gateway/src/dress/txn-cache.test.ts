import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTxnCache } from './txn-cache.ts'

function counting() {
  let count = 0
  return () => ({ txnToken: `token-${++count}`, txn: `txn-${count}`, decision: `decision-${count}` })
}

test('reuse() gives the same token for the same authorization, for five seconds', () => {
  const cache = createTxnCache(4)
  const mint = counting()
  assert.equal(cache.reuse('a', 1, 0, mint).txn, 'txn-1')
  assert.equal(cache.reuse('a', 1, 4_999, mint).txn, 'txn-1')
  assert.equal(cache.reuse('a', 1, 5_000, mint).txn, 'txn-2')
})

test('reuse() mints anew for another authorization, after a change of policy and after a clock that went back', () => {
  const cache = createTxnCache(4)
  const mint = counting()
  cache.reuse('a', 1, 10_000, mint)
  assert.equal(cache.reuse('b', 1, 10_000, mint).txn, 'txn-2')
  assert.equal(cache.reuse('a', 2, 10_000, mint).txn, 'txn-3')
  assert.equal(cache.reuse('a', 2, 1_000, mint).txn, 'txn-4')
})

test('reuse() holds no more tokens than it may', () => {
  const cache = createTxnCache(2)
  const mint = counting()
  for (const key of ['a', 'b', 'c']) cache.reuse(key, 1, 0, mint)
  assert.equal(cache.reuse('b', 1, 0, mint).txn, 'txn-2')
  assert.equal(cache.reuse('a', 1, 0, mint).txn, 'txn-4')
})

test('reuse() keeps nothing of a token that could not be minted', () => {
  const cache = createTxnCache(2)
  assert.throws(() =>
    cache.reuse('a', 1, 0, () => {
      throw new Error('expired')
    }),
  )
  assert.equal(cache.reuse('a', 1, 0, counting()).txn, 'txn-1')
})
