import assert from 'node:assert/strict'
import { test } from 'node:test'
import { totpCode } from './totp.ts'

// RFC 6238 appendix B, SHA-1: the secret is the text 12345678901234567890; six digits are the last six of its eight.
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const vectors = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const

for (const [seconds, code] of vectors) {
  test(`totpCode() gives the code of RFC 6238 at ${seconds} s`, () => {
    assert.equal(totpCode(secret, seconds * 1000).code, code)
  })
}

test('totpCode() says how long its code is good', () => {
  assert.equal(totpCode(secret, 59_000).secondsLeft, 1)
  assert.equal(totpCode(secret, 60_000).secondsLeft, 30)
  assert.equal(totpCode(secret, 60_999).secondsLeft, 30)
})

test('totpCode() refuses a secret that is not base32 in capitals', () => {
  for (const text of ['', 'gezdgnbv', 'GEZDGNB=', 'GEZDGNB1']) {
    assert.throws(() => totpCode(text, 0), RangeError, text)
  }
})
