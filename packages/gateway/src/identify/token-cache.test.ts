import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { Caller } from './caller.ts'
import { createTokenCache } from './token-cache.ts'

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const known = (jti: string) => ({
  caller: {
    subject: 'user:a',
    name: 'a',
    clientId: 'c',
    roles: [],
    permissions: [],
    secondFactor: 'proven',
    jti,
    iat: 1,
    exp: 2,
    issuer: 'https://id.example',
  } satisfies Caller,
  key: { kid: 'k', alg: 'ES256' as const, key: publicKey },
  rules: {},
})

test('createTokenCache() finds a token by its exact text', () => {
  const cache = createTokenCache(2)
  const a = known('a')
  cache.keep('a.b.c', a)
  assert.equal(cache.find('a.b.c'), a)
  assert.equal(cache.find('a.b.c='), undefined)
  assert.equal(cache.find('__proto__'), undefined)
})

test('createTokenCache() holds so many tokens and no more: the oldest makes room', () => {
  const cache = createTokenCache(2)
  for (const name of ['a', 'b', 'a', 'c']) cache.keep(name, known(name))
  assert.equal(cache.find('b'), undefined)
  assert.ok(cache.find('a') !== undefined && cache.find('c') !== undefined)
})
