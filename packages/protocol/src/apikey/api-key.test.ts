import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashApiKey, mintApiKey, parseApiKey } from './api-key.ts'

const id = 'kafka00000000001'
const key = mintApiKey({ environment: 'dev', id, secret: new Uint8Array(32).fill(7) })

test('mintApiKey() makes the documented shape, which parseApiKey() reads', () => {
  assert.match(key, /^pop_[a-z0-9]+_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)
  assert.deepEqual(parseApiKey(key, 'dev'), { environment: 'dev', id })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
      assert.deepEqual(parseApiKey(mintApiKey({ environment: 'prod', id, secret }), 'prod'), {
        environment: 'prod',
        id,
      })
    }),
  )
})

test('parseApiKey() refuses a key of another environment', () => {
  assert.equal(parseApiKey(key, 'production'), undefined)
})

test('parseApiKey() catches every single typing error', () => {
  fc.assert(
    fc.property(fc.nat(key.length - 1), fc.constantFrom('a', 'Z', '0', '_', ' '), (at, character) => {
      const typed = key.slice(0, at) + character + key.slice(at + 1)
      if (typed !== key) assert.equal(parseApiKey(typed, 'dev'), undefined)
    }),
  )
  for (const text of ['', `${key}\n`, ` ${key}`, key.slice(0, -1), `${key}0`, key.toUpperCase()]) {
    assert.equal(parseApiKey(text, 'dev'), undefined, text)
  }
})

test('mintApiKey() refuses parts that do not have the shape', () => {
  const secret = new Uint8Array(32)
  assert.throws(() => mintApiKey({ environment: 'Dev', id, secret }), RangeError)
  assert.throws(() => mintApiKey({ environment: 'dev', id: 'short', secret }), RangeError)
  assert.throws(() => mintApiKey({ environment: 'dev', id, secret: new Uint8Array(16) }), RangeError)
})

test('hashApiKey() is the SHA-256 of the text', () => {
  assert.equal(hashApiKey('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
