import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePassword } from './make-password.ts'

test('makePassword() makes twenty characters of every kind, no two alike, and more where more are asked for', () => {
  const made = Array.from({ length: 500 }, () => makePassword(12))
  assert.equal(new Set(made).size, made.length)
  for (const password of made) {
    assert.match(password, /^[A-Za-z2-9+._-]{20}$/)
    assert.doesNotMatch(password, /[IOl01]/)
    for (const kind of [/[A-Z]/, /[a-z]/, /[2-9]/, /[-+._]/]) assert.match(password, kind)
  }
  assert.equal(makePassword(64).length, 64)
})
