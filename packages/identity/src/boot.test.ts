import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentityBoot } from './boot.ts'

const security = {
  token_expiration: 3600,
  max_failed_attempts: 5,
  lockout_duration: 300,
  minimum_password_length: 12,
  require_2fa: true,
}
const usable = {
  name: 'identity',
  home: '/home/identity',
  listen: { identity: { host: '127.0.0.1', port: 8444 } },
  admin: 'https://127.0.0.1:7445',
  anchor: { root_spki_sha256: 'ab'.repeat(32) },
  token: 'a token',
  users_file: '/home/dev-users.json',
  gateway: { client_id: 'pop-gateway', client_secret: 'secret' },
  security,
}

test('parseIdentityBoot() reads what every process has and what only identity has', () => {
  const boot = parseIdentityBoot(usable)
  assert.equal(boot.file.token, 'a token')
  assert.deepEqual(boot.listen, { host: '127.0.0.1', port: 8444 })
  assert.equal(boot.usersFile, '/home/dev-users.json')
  assert.deepEqual(boot.gateway, usable.gateway)
  assert.deepEqual(boot.security, security)
})

test('parseIdentityBoot() refuses a member that is missing, of another type or unknown, and names it', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['listen.identity', { listen: {} }],
    ['admin', { admin: 'http://127.0.0.1:7445' }],
    ['users_file', { users_file: 'dev-users.json' }],
    ['gateway', { gateway: 'pop-gateway' }],
    ['gateway.client_id', { gateway: { client_secret: 'secret' } }],
    ['gateway.client_secret', { gateway: { client_id: 'pop-gateway', client_secret: '' } }],
    ['gateway.scope', { gateway: { ...usable.gateway, scope: 'all' } }],
    ['security', { security: [] }],
    ['security.token_expiration', { security: { ...security, token_expiration: '3600' } }],
    ['security.max_failed_attempts', { security: { ...security, max_failed_attempts: 0 } }],
    ['security.lockout_duration', { security: { ...security, lockout_duration: 1.5 } }],
    ['security.require_2fa', { security: { ...security, require_2fa: 'no' } }],
    ['security.require_2FA', { security: { ...security, require_2FA: false } }],
  ]
  for (const [member, change] of cases) {
    assert.throws(
      () => parseIdentityBoot({ ...usable, ...change }),
      (error: Error) => error.message.includes(`"${member}"`),
      member,
    )
  }
})
