import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase32, encodeBase32, totpCode, totpStep, verifyTotp } from './totp.ts'

const secret = encodeBase32(Buffer.from('12345678901234567890', 'latin1'))

test('totpCode() gives the codes of RFC 6238 appendix B', () => {
  // The last six of the eight digits of the table; its times are seconds.
  const table: readonly (readonly [timeSeconds: number, code: string])[] = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ]
  for (const [timeSeconds, code] of table) assert.equal(totpCode(secret, timeSeconds * 1000), code)
})

test('totpCode() refuses a secret that is not base32 of 128 bits', () => {
  for (const bad of ['', 'ABC', secret.toLowerCase(), `${secret}=`, encodeBase32(Buffer.alloc(15))]) {
    assert.throws(() => totpCode(bad, 0), RangeError)
  }
})

test('verifyTotp() accepts one step of drift each way and no more', () => {
  const timeMs = 1_111_111_111_000
  const code = totpCode(secret, timeMs)
  const step = totpStep(timeMs)
  for (const drift of [-1, 0, 1]) assert.equal(verifyTotp(secret, code, timeMs + drift * 30_000), step)
  for (const drift of [-2, 2, 100]) assert.equal(verifyTotp(secret, code, timeMs + drift * 30_000), undefined)
})

test('verifyTotp() accepts nothing up to the last step', () => {
  const timeMs = 1_111_111_111_000
  const code = totpCode(secret, timeMs)
  const step = totpStep(timeMs)
  assert.equal(verifyTotp(secret, code, timeMs, step - 1), step)
  assert.equal(verifyTotp(secret, code, timeMs, step), undefined)
  assert.equal(verifyTotp(secret, code, timeMs, step + 1), undefined)
})

test('verifyTotp() refuses what is not exactly six ASCII digits of a step', () => {
  const timeMs = 1_111_111_111_000
  const code = totpCode(secret, timeMs)
  const others = [
    '',
    '0',
    `${code}0`,
    ` ${code}`,
    code.slice(1),
    '０５０４７１',
    '-50471',
    '5.0471',
    '\u0130\u0135\u0130',
  ]
  for (const other of others) assert.equal(verifyTotp(secret, other, timeMs), undefined, other)
  assert.equal(verifyTotp(secret, code.replace('0', '\u0130'), timeMs), undefined)
})

test('verifyTotp() works in the first step of time', () => {
  assert.equal(verifyTotp(secret, totpCode(secret, 0), 0), 0)
})

test('encodeBase32() gives the texts of RFC 4648 section 10 without padding', () => {
  const table = { f: 'MY', fo: 'MZXQ', foo: 'MZXW6', foob: 'MZXW6YQ', fooba: 'MZXW6YTB', foobar: 'MZXW6YTBOI' }
  for (const [plain, encoded] of Object.entries(table)) {
    assert.equal(encodeBase32(Buffer.from(plain)), encoded)
    assert.equal(decodeBase32(encoded)?.toString(), plain)
  }
})

test('decodeBase32() refuses every other spelling of the same bytes', () => {
  for (const bad of ['my', 'MY======', 'MZ', 'M', 'MZXW6YT8', 'MZ XQ', 'MZXW61', 'ＭY']) {
    assert.equal(decodeBase32(bad), undefined, bad)
  }
})
