import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../../identify/caller.ts'
import { asOldAs } from './refreshed.ts'

const caller: Caller = {
  subject: 'user:7f',
  name: 'bob',
  clientId: 'pop-gateway',
  roles: [],
  permissions: [],
  secondFactor: 'proven',
  jti: 'j-1',
  iat: 2_000,
  exp: 3_000,
  issuer: 'https://id.example/realms/pop',
}

function tokenOf(payload: string): string {
  return `e30.${Buffer.from(payload).toString('base64url')}.c2ln`
}

const ages: readonly (readonly [string, string, number | undefined, number])[] = [
  ['of a token of Keycloak is its iat', tokenOf('{"iat":1000}'), undefined, 1_000],
  ['is that of the sign-in where that is older', tokenOf('{"iat":1000}'), 900, 900],
  ['is that of the refresh token where that is older', tokenOf('{"iat":1000}'), 1_500, 1_000],
  ['of an opaque token is that of the sign-in', 'Vx3-opaque_text', 900, 900],
  ['of an opaque token of which nobody knows is as old as can be', 'Vx3-opaque_text', undefined, 0],
  ['is not read from a token with two of it', tokenOf('{"iat":1000,"iat":1900}'), undefined, 0],
  ['is not read from what is no number', tokenOf('{"iat":"1900"}'), undefined, 0],
  ['is not read from what is no object', tokenOf('[1900]'), undefined, 0],
  ['is not read from what has five parts', `a.${tokenOf('{"iat":1900}')}.b`, undefined, 0],
]
for (const [name, token, authTime, expected] of ages) {
  test(`asOldAs(): the age ${name}`, () => {
    const given = authTime === undefined ? caller : { ...caller, authTime }
    assert.equal(asOldAs(token, given).authTime, expected)
  })
}

test('asOldAs() takes the session of the refresh token where the access token names none', () => {
  const token = tokenOf('{"iat":1000,"sid":"s-9"}')
  assert.equal(asOldAs(token, caller).sid, 's-9')
  assert.equal(asOldAs(token, { ...caller, sid: 's-1' }).sid, 's-1')
})
