import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeToken, holderOf } from './decode-token.ts'

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown): string => `${part({ alg: 'none' })}.${part(claims)}.`

test('decodeToken() gives header and claims of any JWT', () => {
  assert.deepEqual(decodeToken(jwt({ sub: 's' })), { ok: true, header: { alg: 'none' }, claims: { sub: 's' } })
})

test('decodeToken() refuses what is no JWT, and what has two meanings', () => {
  const cases = [
    '',
    'a.b',
    `${part({})}.${part({})}.x.y`,
    `${part({})}.${part([])}.`,
    `${part({})}.${part('{"a":1,"a":2}')}.`,
    `${part({})}.${part({})}=.x`,
  ]
  for (const token of cases) assert.equal(decodeToken(token).ok, false, token)
})

test('holderOf() names the user, else the client, and believes no type', () => {
  assert.deepEqual(
    holderOf(jwt({ preferred_username: 'alice', sub: 's', azp: 'c', roles: ['admin'], acr: 'pop-mfa' })),
    {
      name: 'alice',
      subject: 's',
      roles: ['admin'],
      acr: 'pop-mfa',
    },
  )
  assert.equal(holderOf(jwt({ azp: 'reporter', sub: 's' })).name, 'reporter')
  assert.deepEqual(holderOf(jwt({ sub: 7, roles: [7] })), { name: '-', subject: '-', roles: [], acr: undefined })
  assert.equal(holderOf('opaque').name, '-')
})
