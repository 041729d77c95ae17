import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleRequest } from '../testing/realm-request.ts'
import { wantedPasswordPolicy, wantedRealm } from './wanted-realm.ts'

test('wantedRealm() has what security_config says', () => {
  const { security } = exampleRequest()
  const wanted = wantedRealm(
    exampleRequest({ security: { ...security, tokenSeconds: 120, failuresMax: 3, lockoutSeconds: 60 } }),
  )
  assert.equal(wanted.accessTokenLifespan, 120)
  assert.equal(wanted.failureFactor, 3)
  assert.deepEqual(
    [wanted.waitIncrementSeconds, wanted.maxFailureWaitSeconds, wanted.minimumQuickLoginWaitSeconds],
    [60, 60, 60],
  )
  // Otherwise two failures within a second would lock.
  assert.equal(wanted.quickLoginCheckMilliSeconds, 0)
})

test('wantedRealm() has sessions that outlive the access token, however long that lives', () => {
  const { security } = exampleRequest()
  for (const tokenSeconds of [60, 3600, 36_000, 86_400]) {
    const wanted = wantedRealm(exampleRequest({ security: { ...security, tokenSeconds } }))
    assert.ok(wanted.ssoSessionIdleTimeout > tokenSeconds)
    assert.ok(wanted.ssoSessionMaxLifespan >= wanted.ssoSessionIdleTimeout)
  }
})

test('wantedRealm() asks for TLS from every address where nothing may be plain', () => {
  assert.equal(wantedRealm(exampleRequest({ requireTls: true })).sslRequired, 'all')
  assert.equal(wantedRealm(exampleRequest({ requireTls: false })).sslRequired, 'external')
})

const policies: readonly (readonly [string, string | undefined, string])[] = [
  ['none', undefined, 'length(12) and notUsername(undefined)'],
  ['an empty one', '', 'length(12) and notUsername(undefined)'],
  ['a shorter length', 'length(8)', 'length(12) and notUsername(undefined)'],
  ['a longer length', 'length(20)', 'length(12) and notUsername(undefined)'],
  ['what it would write itself', 'length(12) and notUsername(undefined)', 'length(12) and notUsername(undefined)'],
  [
    'rules of an administrator',
    'digits(1) and length(8) and notUsername(undefined) and hashIterations(100000)',
    'length(12) and digits(1) and notUsername(undefined) and hashIterations(100000)',
  ],
  ['a rule that begins alike', 'lengthOfName(3)', 'length(12) and notUsername(undefined) and lengthOfName(3)'],
  ['another rule about names', 'notUsernameLike(3)', 'length(12) and notUsername(undefined) and notUsernameLike(3)'],
]
for (const [name, found, expected] of policies) {
  test(`wantedPasswordPolicy() of ${name}`, () => {
    const wanted = wantedPasswordPolicy(found, 12)
    assert.equal(wanted, expected)
    assert.equal(wantedPasswordPolicy(wanted, 12), wanted, 'a second time it changes nothing')
  })
}
