import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNonceSource } from './nonce-source.ts'
import { createNonceStore } from './nonce-store.ts'

test('createNonceSource() never repeats, and wants a prefix that nobody else has', () => {
  const next = createNonceSource(new Uint8Array(16))
  const nonces = new Set(Array.from({ length: 100 }, next))
  assert.equal(nonces.size, 100)
  for (const nonce of nonces) assert.match(nonce, /^[A-Za-z0-9_-]{8,64}$/)
  assert.throws(() => createNonceSource(new Uint8Array(8)), RangeError)
})

test('createNonceStore() knows a nonce until 5 s after its seal has ended', () => {
  const store = createNonceStore(10)
  assert.equal(store.remember('a', 100, 70_000), 'fresh')
  assert.equal(store.remember('a', 100, 70_000), 'known')
  assert.equal(store.remember('a', 160, 104_999), 'known')
  assert.equal(store.remember('a', 160, 105_000), 'fresh')
})

test('createNonceStore() refuses when full, forgets nothing for it, and takes new ones when old ones have ended', () => {
  const store = createNonceStore(2)
  assert.equal(store.remember('a', 100, 70_000), 'fresh')
  assert.equal(store.remember('b', 110, 70_000), 'fresh')
  assert.equal(store.remember('c', 100, 70_000), 'full')
  assert.equal(store.remember('a', 100, 70_000), 'known')
  assert.equal(store.remember('c', 130, 105_000), 'fresh')
  assert.equal(store.remember('b', 110, 105_000), 'known')
  assert.equal(store.size(), 2)
})

test('createNonceStore() takes nothing back that it may have forgotten when the clock is set back', () => {
  const store = createNonceStore(10)
  store.remember('a', 100, 70_000)
  store.remember('b', 300, 250_000)
  assert.equal(store.remember('a', 100, 70_000), 'late')
  assert.equal(store.remember('c', 246, 246_000 - 50_000), 'fresh')
})

test('createNonceStore() never calls a nonce fresh twice while its seal holds, whatever the clock does', () => {
  const use = fc.record({ nonce: fc.nat(5), life: fc.integer({ min: 1, max: 60 }), nowMs: fc.nat(200_000) })
  fc.assert(
    fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
      const store = createNonceStore(4)
      const accepted = new Map<string, number>()
      for (const { nonce, life, nowMs } of uses) {
        // A replay carries the `expires` of the seal that it repeats; a new seal has a nonce of its own.
        const name = `${nonce}-${life}`
        const expires = accepted.get(name) ?? Math.floor(nowMs / 1000) + life
        if (expires * 1000 <= nowMs) continue
        if (store.remember(name, expires, nowMs) !== 'fresh') continue
        assert.equal(accepted.has(name), false)
        accepted.set(name, expires)
      }
      assert(store.size() <= 4)
    }),
  )
})
