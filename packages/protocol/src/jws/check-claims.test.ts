import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkClaims } from './check-claims.ts'

const now = 1_800_000_000
const rules = {
  issuer: 'https://issuer',
  audience: 'pop-api',
  lifeSecondsMax: 3600,
  skewSecondsMax: 5,
  nowMs: now * 1000,
}
const good = { iss: 'https://issuer', aud: 'pop-api', iat: now, exp: now + 3600 }

test('checkClaims() gives the times of good claims', () => {
  assert.deepEqual(checkClaims(good, rules), { ok: true, value: { iat: now, exp: now + 3600 } })
  assert.equal(checkClaims({ ...good, iat: now + 5, nbf: now + 5 }, rules).ok, true)
})

test('checkClaims() gives exp no leeway', () => {
  const claims = { ...good, iat: now - 100, exp: now }
  assert.equal(checkClaims(claims, { ...rules, nowMs: now * 1000 - 1 }).ok, true)
  const verdict = checkClaims(claims, rules)
  assert.equal(!verdict.ok && verdict.code, 'token-expired')
})

test('checkClaims() refuses other issuers, audiences and times', () => {
  for (const change of [
    { iss: 'https://issuer/' },
    { iss: undefined },
    { aud: 'pop' },
    { aud: ['pop-api'] },
    { aud: ['pop-api', 'x'] },
    { exp: undefined },
    { exp: JSON.parse('1e999') as unknown },
    { exp: String(now + 10) },
    { exp: now + 0.5 },
    { exp: 2 ** 53 },
    { exp: now + 3601 },
    { exp: now, iat: now },
    { iat: undefined },
    { iat: -1 },
    { iat: now + 6 },
    { nbf: now + 6 },
    { nbf: '0' },
    { nbf: null },
  ]) {
    const verdict = checkClaims({ ...good, ...change }, rules)
    assert.equal(!verdict.ok && verdict.code, 'token-invalid', JSON.stringify(change))
  }
})
