import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { collectBody } from './collector.ts'

test('collectBody() gives back what was added, whatever the pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 })), (pieces) => {
      const whole = Buffer.concat(pieces)
      const collector = collectBody(whole.length)
      for (const piece of pieces) assert.ok(collector.add(piece))
      assert.deepEqual(collector.body(), whole)
    }),
  )
})

test('collectBody() takes a body of exactly its limit and not a byte more', () => {
  const collector = collectBody(3)
  assert.equal(collector.add(Buffer.from('ab')), true)
  assert.equal(collector.add(Buffer.from('cd')), false)
  assert.equal(collector.add(Buffer.from('c')), true)
  assert.equal(collector.body().toString(), 'abc')
  assert.equal(collector.add(Buffer.from('d')), false)
})

test('collectBody() keeps no piece: what the sender does with it later changes nothing', () => {
  const collector = collectBody(10)
  const piece = Buffer.from('abc')
  collector.add(piece)
  piece.fill('x')
  assert.equal(collector.body().toString(), 'abc')
})
