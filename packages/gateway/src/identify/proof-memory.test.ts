import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProofMemory } from './proof-memory.ts'

const startedMs = 1_800_000_000_000
const first = startedMs / 1000 + 6
const thumbprint = 'a-key'

function memory(proofsMax = 100, perCallerMax = 100) {
  const { remember } = createProofMemory({ proofsMax, perCallerMax, startedMs })
  return (jti: string, change: { iat?: number; key?: string; subject?: string; at?: number } = {}) => {
    const { iat = first, key = thumbprint, subject = 'user:a' } = change
    return remember(subject, { jti, iat, thumbprint: key }, (change.at ?? iat) * 1000)
  }
}

test('remember() takes a proof once, and the same jti of another key', () => {
  const remember = memory()
  assert.equal(remember('p'), 'fresh')
  assert.equal(remember('p'), 'known')
  assert.equal(remember('p', { key: 'another-key' }), 'fresh')
})

test('remember() knows a proof for as long as it could be taken', () => {
  const remember = memory()
  assert.equal(remember('p'), 'fresh')
  assert.equal(remember('p', { at: first + 59 }), 'known')
  assert.equal(remember('p', { at: first + 64 }), 'known')
  // From then on it is too old for every clock that was not set back.
  assert.equal(remember('p', { at: first + 65 }), 'unknowable')
  assert.equal(remember('p', { at: first }), 'unknowable')
})

test('remember() takes none that may have been used before this process began', () => {
  const remember = memory()
  assert.equal(remember('p', { iat: first - 1, at: first }), 'unknowable')
  assert.equal(remember('p', { iat: first }), 'fresh')
})

test('remember() pushes nothing out: a flood is refused, and what was used stays known', () => {
  const remember = memory(10, 8)
  assert.equal(remember('p'), 'fresh')
  const flood = Array.from({ length: 20 }, (_, index) => remember(`f${index}`, { subject: 'user:mallory' }))
  assert.deepEqual(flood.slice(7, 9), ['fresh', 'full'])
  assert.equal(remember('p'), 'known')
  // Who floods fills his own share: another caller still has room.
  assert.equal(remember('q'), 'fresh')
  assert.equal(remember('r'), 'full')
})

test('remember() has room again once the flood could not be repeated', () => {
  const remember = memory(4, 2)
  for (const jti of ['a', 'b', 'c']) remember(jti)
  assert.equal(remember('d'), 'full')
  assert.equal(remember('d', { iat: first + 65 }), 'fresh')
})
