import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { claimsOf, gateway, paths, startWorld, textOf, type IdentityWorld } from './testing/identity-world.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function refresh(pop: IdentityWorld, tokens: JsonObject) {
  return pop.token({ grant_type: 'refresh_token', refresh_token: textOf(tokens, 'refresh_token') })
}

async function introspect(pop: IdentityWorld, token: string): Promise<JsonObject> {
  const answer = await pop.call(paths.introspect, { ...gateway, token })
  assert.equal(answer.status, 200)
  return answer.json
}

function asService(pop: IdentityWorld) {
  const { client_id, client_secret } = pop.client()
  return pop.token({ client_id, client_secret, grant_type: 'client_credentials' })
}

test('password grant gives a token in the shape of Keycloak, with flat roles and permissions', async () => {
  await using pop = await startWorld({ token_expiration: 900 })
  const tokens = await pop.signIn('alice')
  assert.equal(tokens['expires_in'], 900)
  assert.equal(tokens['token_type'], 'Bearer')
  assert.equal(tokens['scope'], 'profile')
  const { iat, exp, jti, sid, auth_time: authTime, ...claims } = claimsOf(tokens['access_token'])
  assert.equal(Number(exp) - Number(iat), 900)
  assert.match(String(sid), uuid)
  assert.match(String(jti), /^[\w-]{20,}$/)
  assert.equal(authTime, Math.floor(pop.clock.ms / 1000))
  assert.deepEqual(claims, {
    iss: pop.identity.issuer,
    sub: pop.user('alice').id,
    aud: 'pop-api',
    azp: 'pop-gateway',
    client_id: 'pop-gateway',
    typ: 'Bearer',
    scope: 'profile',
    acr: 'pop-mfa',
    amr: ['pwd', 'otp'],
    preferred_username: 'alice',
    roles: ['admin', 'user'],
    permissions: [],
    realm_access: { roles: ['admin', 'user'] },
    resource_access: {},
  })
})

test('password grant without a code says so in acr and amr', async () => {
  await using pop = await startWorld({ require_2fa: false })
  const { password } = pop.user('bob')
  const { json } = await pop.token({ grant_type: 'password', username: 'bob', password })
  const claims = claimsOf(json['access_token'])
  assert.equal(Object.hasOwn(claims, 'acr'), false)
  assert.deepEqual(claims['amr'], ['pwd'])
})

test('client_credentials gives the recorded subject, the roles, and nothing of a sign-in', async () => {
  await using pop = await startWorld()
  const answer = await asService(pop)
  assert.equal(answer.status, 200)
  assert.equal(answer.json['refresh_token'], undefined)
  const { iat, exp, jti, ...claims } = claimsOf(answer.json['access_token'])
  assert.equal(Number(exp) - Number(iat), 3600)
  assert.match(String(jti), /^[\w-]{20,}$/)
  assert.deepEqual(claims, {
    iss: pop.identity.issuer,
    sub: pop.client().subject,
    aud: 'pop-api',
    azp: 'reporter',
    client_id: 'reporter',
    typ: 'Bearer',
    roles: ['reader'],
    permissions: [],
    realm_access: { roles: ['reader'] },
    resource_access: {},
  })
  assert.notEqual((await pop.token({ grant_type: 'client_credentials' })).status, 200)
})

test('access tokens verify with the published key, which a restart keeps', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const [header = '', claims = '', signature = ''] = textOf(tokens, 'access_token').split('.')
  const before = await pop.call(paths.keys)
  await pop.restart()
  const after = await pop.call(paths.keys)
  assert.equal(after.text, before.text)
  const keys = after.json['keys']
  assert(Array.isArray(keys) && keys.length === 1 && isJsonObject(keys[0]))
  const { kid, alg, use, kty, n, e, ...others } = keys[0]
  assert.deepEqual({ alg, use, kty, others }, { alg: 'RS256', use: 'sig', kty: 'RSA', others: {} })
  assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'RS256', typ: 'at+jwt', kid })
  const key = createPublicKey({ key: { kty: 'RSA', n: String(n), e: String(e) }, format: 'jwk' })
  const text = Buffer.from(`${header}.${claims}`)
  assert.equal(verify('sha256', text, key, Buffer.from(signature, 'base64url')), true)
})

test('refresh keeps acr, amr, sid and auth_time, also over restarts', async () => {
  await using pop = await startWorld()
  let tokens = await pop.signIn('alice')
  const facts = ({ acr, amr, sid, sub, auth_time: authTime, roles }: JsonObject) => ({
    acr,
    amr,
    sid,
    sub,
    authTime,
    roles,
  })
  const first = claimsOf(tokens['access_token'])
  for (let round = 0; round < 3; round += 1) {
    pop.clock.ms += 60_000
    await pop.restart()
    const answer = await refresh(pop, tokens)
    assert.equal(answer.status, 200, answer.text)
    const claims = claimsOf(answer.json['access_token'])
    assert.deepEqual(facts(claims), facts(first))
    assert.notEqual(claims['jti'], first['jti'])
    assert.notEqual(answer.json['refresh_token'], tokens['refresh_token'])
    tokens = answer.json
  }
})

test('refresh with a token that was replaced ends the session', async () => {
  await using pop = await startWorld()
  const first = await pop.signIn('bob')
  const second = await refresh(pop, first)
  assert.equal(second.status, 200)
  assert.equal((await refresh(pop, first)).json['error'], 'invalid_grant')
  assert.equal((await refresh(pop, second.json)).json['error'], 'invalid_grant')
  assert.deepEqual(await introspect(pop, textOf(second.json, 'access_token')), { active: false })
})

test('refresh at the same time succeeds once and ends the session', async () => {
  await using pop = await startWorld()
  const first = await pop.signIn('bob')
  const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(pop, first)))
  const [second, ...others] = answers.filter((answer) => answer.status === 200)
  assert(second !== undefined)
  assert.equal(others.length, 0)
  assert.equal((await refresh(pop, second.json)).json['error'], 'invalid_grant')
  assert.deepEqual(pop.failures, [])
})

test('refresh refuses what is not a refresh token of this client', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  for (const token of ['x', textOf(tokens, 'access_token'), `${textOf(tokens, 'refresh_token')}x`]) {
    const answer = await pop.token({ grant_type: 'refresh_token', refresh_token: token })
    assert.equal(answer.json['error'], 'invalid_grant')
  }
  const { client_id, client_secret } = pop.client()
  const form = { grant_type: 'refresh_token', refresh_token: textOf(tokens, 'refresh_token') }
  assert.notEqual((await pop.token({ ...form, client_id, client_secret })).status, 200)
  assert.equal((await refresh(pop, tokens)).status, 200)
})

test('refresh goes on for ten hours and never beyond, and no token outlives the session', async (t) => {
  await using pop = await startWorld()
  const begin = pop.clock.ms + 30_000
  t.mock.timers.enable({ apis: ['Date'], now: begin })
  const pass = (minutes: number): void => {
    pop.clock.ms = begin + minutes * 60_000
    t.mock.timers.setTime(pop.clock.ms)
  }
  let tokens = await pop.signIn('bob')
  for (const minutes of [300, 590]) {
    pass(minutes)
    const answer = await refresh(pop, tokens)
    assert.equal(answer.status, 200)
    tokens = answer.json
  }
  assert.equal(tokens['expires_in'], 600)
  pass(600)
  assert.equal((await refresh(pop, tokens)).json['error'], 'invalid_grant')
  assert.deepEqual(await introspect(pop, textOf(tokens, 'access_token')), { active: false })
})

test('logout ends the session and answers 204', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const other = await pop.signIn('bob')
  const form = { ...gateway, refresh_token: textOf(tokens, 'refresh_token') }
  assert.equal((await introspect(pop, textOf(tokens, 'access_token')))['active'], true)
  const answer = await pop.call(paths.logout, form)
  assert.deepEqual({ status: answer.status, text: answer.text }, { status: 204, text: '' })
  assert.equal(answer.headers['pop-session'], claimsOf(tokens['access_token'])['sid'])
  assert.equal((await refresh(pop, tokens)).json['error'], 'invalid_grant')
  assert.deepEqual(await introspect(pop, textOf(tokens, 'access_token')), { active: false })
  assert.equal((await pop.call(paths.logout, form)).json['error'], 'invalid_grant')
  await pop.restart()
  assert.equal((await refresh(pop, tokens)).json['error'], 'invalid_grant')
  assert.equal((await refresh(pop, other)).status, 200)
})

test('logout with a token that was replaced ends the session as well', async () => {
  await using pop = await startWorld()
  const first = await pop.signIn('bob')
  const second = await refresh(pop, first)
  const form = { ...gateway, refresh_token: textOf(first, 'refresh_token') }
  const answer = await pop.call(paths.logout, form)
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['pop-session'], claimsOf(second.json['access_token'])['sid'])
  assert.equal((await refresh(pop, second.json)).json['error'], 'invalid_grant')
})

test('logout leaves no session to a refresh that is in flight', async () => {
  await using pop = await startWorld()
  for (let round = 0; round < 8; round += 1) {
    const tokens = await pop.signIn('bob')
    const form = { ...gateway, refresh_token: textOf(tokens, 'refresh_token') }
    const [refreshed, ended] = await Promise.all([refresh(pop, tokens), pop.call(paths.logout, form)])
    assert.equal(ended.status, 204)
    assert.equal(ended.headers['pop-session'], claimsOf(tokens['access_token'])['sid'])
    if (refreshed.status === 200) {
      assert.equal((await refresh(pop, refreshed.json)).json['error'], 'invalid_grant')
      assert.deepEqual(await introspect(pop, textOf(refreshed.json, 'access_token')), { active: false })
    } else assert.equal(refreshed.json['error'], 'invalid_grant')
  }
  assert.deepEqual(pop.failures, [])
})

test('logout of a token that nobody knows says invalid_grant and names no session', async () => {
  await using pop = await startWorld()
  const answer = await pop.call(paths.logout, { ...gateway, refresh_token: 'x' })
  assert.deepEqual([answer.status, answer.json['error']], [400, 'invalid_grant'])
  assert.equal(answer.headers['pop-session'], undefined)
})

test('logout refuses another client, a wrong secret and a broken form', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const refresh_token = textOf(tokens, 'refresh_token')
  const { client_id, client_secret } = pop.client()
  const wrong = { ...gateway, client_secret: 'wrong' }
  assert.equal(
    (await pop.call(paths.logout, { client_id, client_secret, refresh_token })).json['error'],
    'invalid_grant',
  )
  for (const client of [wrong, { client_id: 'unknown', client_secret }, { client_id }, {}]) {
    const answer = await pop.call(paths.logout, { ...client, refresh_token })
    assert.equal(answer.status, 401)
    assert.equal(answer.json['error'], 'invalid_client')
  }
  assert.equal((await pop.call(paths.logout, gateway)).json['error'], 'invalid_request')
  const twice = new URLSearchParams([
    ...Object.entries({ ...gateway, refresh_token }),
    ['refresh_token', refresh_token],
  ])
  assert.equal((await pop.call(paths.logout, twice)).json['error'], 'invalid_request')
  const long = { ...gateway, refresh_token: 'x'.repeat(17_000) }
  assert.equal((await pop.call(paths.logout, long)).status, 413)
  const headers = { 'content-type': 'application/json' }
  assert.equal((await pop.call(paths.logout, { ...gateway, refresh_token }, { headers })).status, 415)
  assert.equal((await refresh(pop, tokens)).status, 200)
})

test('client authentication takes Basic with encoded parts, and not together with a secret in the form', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const basic = (id: string, secret: string) => {
    const parts = [id, secret].map((part) => encodeURIComponent(part).replaceAll('%20', '+'))
    return { headers: { authorization: `Basic ${Buffer.from(parts.join(':')).toString('base64')}` } }
  }
  const right = basic(gateway.client_id, gateway.client_secret)
  const token = textOf(tokens, 'access_token')
  assert.equal((await pop.call(paths.introspect, { token }, right)).json['active'], true)
  assert.equal((await pop.call(paths.introspect, { token, ...gateway }, right)).json['error'], 'invalid_request')
  assert.equal(
    (await pop.call(paths.introspect, { token, client_id: 'reporter' }, right)).json['error'],
    'invalid_request',
  )
  for (const bad of [basic(gateway.client_id, 'wrong'), { headers: { authorization: `Bearer ${token}` } }]) {
    const answer = await pop.call(paths.introspect, { token }, bad)
    assert.equal(answer.status, 401)
    assert.match(String(answer.headers['www-authenticate']), /^Basic realm="/)
  }
})

test('revoke ends a session by its refresh token and one access token by itself', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const access = textOf(tokens, 'access_token')
  assert.equal((await pop.call(paths.revoke, { ...gateway, token: access })).status, 200)
  assert.deepEqual(await introspect(pop, access), { active: false })
  await pop.restart()
  assert.deepEqual(await introspect(pop, access), { active: false })
  const second = await refresh(pop, tokens)
  assert.equal((await introspect(pop, textOf(second.json, 'access_token')))['active'], true)
  assert.equal((await pop.call(paths.revoke, { ...gateway, token: textOf(second.json, 'refresh_token') })).status, 200)
  assert.equal((await refresh(pop, second.json)).json['error'], 'invalid_grant')
  assert.deepEqual(await introspect(pop, textOf(second.json, 'access_token')), { active: false })
})

test('revoke leaves the tokens of other clients and answers 200 to what is no token', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const { client_id, client_secret } = pop.client()
  for (const name of ['access_token', 'refresh_token']) {
    const answer = await pop.call(paths.revoke, { client_id, client_secret, token: textOf(tokens, name) })
    assert.equal(answer.json['error'], 'invalid_request')
  }
  for (const token of ['x', 'a.b.c']) assert.equal((await pop.call(paths.revoke, { ...gateway, token })).status, 200)
  assert.equal((await introspect(pop, textOf(tokens, 'access_token')))['active'], true)
  assert.equal((await refresh(pop, tokens)).status, 200)
})

test('introspect describes live tokens and nothing else', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const { access_token: access } = (await asService(pop)).json
  assert.equal((await introspect(pop, String(access)))['sub'], pop.client().subject)
  const described = await introspect(pop, textOf(tokens, 'refresh_token'))
  assert.equal(described['active'], true)
  assert.equal(described['sub'], pop.user('bob').id)
  assert.equal(described['sid'], claimsOf(tokens['access_token'])['sid'])
  const token = textOf(tokens, 'access_token')
  const [header, claims, signature] = token.split('.')
  const forged = Buffer.from(JSON.stringify({ ...claimsOf(token), roles: ['admin'] })).toString('base64url')
  for (const bad of [`${header}.${forged}.${signature}`, `${token}=`, `${header}.${claims}.`, 'x']) {
    assert.deepEqual(await introspect(pop, bad), { active: false })
  }
  pop.clock.ms += 3_601_000
  assert.deepEqual(await introspect(pop, token), { active: false })
})

test('startIdentity() keeps its files to itself and no token in plain', async () => {
  await using pop = await startWorld()
  const tokens = await pop.signIn('bob')
  const home = join(pop.folder, 'identity')
  assert.equal((await stat(home)).mode & 0o777, 0o700)
  const names = await readdir(home)
  assert(names.includes('state.db') && names.includes('signing-key.pem'))
  for (const name of names) {
    assert.equal((await stat(join(home, name))).mode & 0o777, 0o600, name)
    const content = await readFile(join(home, name))
    assert.equal(content.includes(textOf(tokens, 'refresh_token')), false, name)
  }
})
