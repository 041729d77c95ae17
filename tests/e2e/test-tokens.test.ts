import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { mintTestToken, signJws } from '@pop-api/protocol'
import { developmentSettings } from '@pop-api/settings'
import { startPop, usesLiveServers, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

const path = '/v1/pop/test-tokens'
const topics = '/v1/kafka/topics'
// An editor may change settings and read metrics, and is no operator.
const more =
  '  editor:\n    - modify_settings\n    - view_metrics\n  watcher:\n    - view_metrics\n  approving:\n    - view_metrics\n'
const standing = 'operators:\n  admin:\n    - operator\n  approving:\n    - approver\n'
const settings = developmentSettings.replace('  reader:\n', `${more}  reader:\n`) + standing
let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [kafka], settings, users: [{ username: 'edith', roles: ['editor'] }] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function mint(user: string, body: unknown): Promise<ClientAnswer> {
  return pop.call(tokens[user], 'POST', path, body)
}

async function testToken(body: unknown): Promise<string> {
  const answer = await mint('alice', body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return String(answer.body['access_token'])
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

test('a test token does what its roles may do, and every log says that it was one', async () => {
  const minted = await mint('alice', { name: 'tess', roles: ['user'], life_seconds: 60 })
  assert.equal(minted.status, 201)
  assert.deepEqual(
    [minted.body['token_type'], minted.body['expires_in'], minted.body['subject'], minted.body['roles']],
    ['Bearer', 60, 'urn:pop:test:tess', ['user']],
  )
  assert.equal(minted.headers['cache-control'], 'no-store')
  const token = String(minted.body['access_token'])
  const created = await pop.call(token, 'POST', topics, { topic_name: 'tested' })
  assert.equal(created.status, 201)
  const denied = await pop.call(token, 'DELETE', `${topics}/tested`)
  assert.equal(denied.status, 403, 'a role that it does not have')
  const id = String(created.headers['x-request-id'])
  for (const service of ['gateway', 'kafka_service']) {
    const events = await pop.audit(service, { request_id: id })
    assert.ok(events.length > 0)
    assert.deepEqual(
      [...new Set(events.map((event) => [event.user, event.subject, event.test_token].join()))],
      ['test:tess,user:urn:pop:test:tess,true'],
    )
  }
  const [refusal] = await pop.audit('gateway', { request_id: String(denied.headers['x-request-id']) })
  assert.equal(refusal?.test_token, true)
  const bobs = await pop.call(tokens['bob'], 'GET', topics)
  const [other] = await pop.audit('gateway', { request_id: String(bobs.headers['x-request-id']) })
  assert.equal(other?.test_token, undefined)
})

test('a test token of the name of a user is not that user', async () => {
  assert.equal((await pop.call(tokens['bob'], 'POST', topics, { topic_name: 'bobs' })).status, 201)
  const token = await testToken({ name: 'bob', roles: ['user'] })
  assert.equal((await pop.call(token, 'GET', `${topics}/bobs`)).status, 404)
})

test('a test token has no permission beside its roles and lives 300 seconds at most', async () => {
  const claims = claimsOf(await testToken({ roles: ['reader'] }))
  assert.equal(claims['iss'], 'urn:pop:test')
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 300)
  assert.equal(claims['permissions'], undefined)
  for (const life of [301, 0, -1, 1.5, '60', 1e9]) {
    assert.equal((await mint('alice', { roles: ['reader'], life_seconds: life })).status, 422, String(life))
  }
})

test('a test token is minted for operators, and for others no wider than they are', async () => {
  assert.equal((await mint('alice', { roles: ['admin', 'user', 'reader'] })).status, 201)
  assert.equal((await mint('edith', { roles: ['watcher'] })).status, 201)
  // What a role makes of a person counts too: an approver is more than somebody with the same permissions.
  for (const roles of [['admin'], ['reader'], ['watcher', 'user'], ['approving']]) {
    const answer = await mint('edith', { roles })
    assert.equal(answer.status, 403, String(roles))
    assert.equal(answer.body['code'], 'permission-denied')
  }
  for (const user of ['bob', 'carol']) assert.equal((await mint(user, { roles: ['reader'] })).status, 403, user)
  assert.equal((await pop.call(undefined, 'POST', path, { roles: ['reader'] })).status, 401)
})

test('a test token makes no other, whatever its roles are', async () => {
  const token = await testToken({ roles: ['admin'] })
  const answer = await pop.call(token, 'POST', path, { roles: ['reader'] })
  assert.equal(answer.status, 403)
  assert.equal((await pop.call(token, 'GET', '/v1/pop/settings')).status, 200)
})

const unusable: readonly unknown[] = [
  {},
  [],
  { roles: [] },
  { roles: 'admin' },
  { roles: ['reader', 'reader'] },
  { roles: ['nobody'] },
  { roles: ['constructor'] },
  { roles: ['reader'], permissions: ['kafka.delete'] },
  { roles: ['reader'], name: 'a b' },
  { roles: ['reader'], name: '' },
  { roles: ['reader'], name: '../x' },
  { roles: ['reader'], acr: 'pop-mfa' },
]

for (const body of unusable) {
  test(`POST ${path} refuses ${JSON.stringify(body)}`, async () => {
    const answer = await mint('alice', body)
    assert.equal(answer.status, 422)
    assert.match(String(answer.body['detail']), /expected/)
  })
}

test('a test token that somebody else signed is refused, and so is one with another kind of token on it', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    aud: 'pop-api',
    iat,
    exp: iat + 60,
    jti: 'j',
    preferred_username: 'eve',
    roles: ['admin'],
    maker: { sub: 'user:7f' },
  }
  const [header = ''] = (await testToken({ roles: ['reader'] })).split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { kid: string }
  const forged = mintTestToken(claims, { kid, privateKey })
  assert.equal((await pop.call(forged, 'GET', topics)).body['code'], 'token-invalid')
  const unknown = mintTestToken(claims, { kid: 'other', privateKey })
  assert.equal((await pop.call(unknown, 'GET', topics)).body['code'], 'token-invalid')
  const asProvider = { ...claims, iss: 'urn:pop:test', sub: 'urn:pop:test:eve', azp: 'pop-test', acr: 'pop-mfa' }
  const access = signJws({ alg: 'ES256', kid, typ: 'at+jwt' }, asProvider, privateKey)
  assert.equal((await pop.call(access, 'GET', topics)).status, 401)
  const [, ...rest] = String(tokens['bob']).split('.')
  const relabelled = [
    Buffer.from(JSON.stringify({ alg: 'RS256', kid, typ: 'pop-test+jwt' })).toString('base64url'),
    ...rest,
  ]
  assert.equal((await pop.call(relabelled.join('.'), 'GET', topics)).status, 401)
})

test('a test token can be revoked like any other', async () => {
  const token = await testToken({ roles: ['reader'] })
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
  assert.equal((await pop.form('/oauth/revoke', { token })).status, 200)
  assert.equal((await pop.call(token, 'GET', topics)).body['code'], 'token-revoked')
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})

// A server that other tests use too is not ended.
if (!usesLiveServers())
  test('without the identity provider a test token holds as long as it says', async () => {
    await using other = await startPop({ modules: [kafka] })
    const alice = await other.token('alice')
    const { body } = await other.call(alice, 'POST', path, { roles: ['reader'] })
    await other.stopIdentity()
    assert.equal((await other.call(String(body['access_token']), 'GET', topics)).status, 200)
  })

test('once the settings allow test tokens no more, none is made and none is taken: both are incidents', async () => {
  await using other = await startPop({ modules: [kafka] })
  const alice = await other.token('alice')
  const { body } = await other.call(alice, 'POST', path, { roles: ['reader'] })
  const token = String(body['access_token'])
  assert.equal((await other.call(token, 'GET', topics)).status, 200)
  await other.changeSettings((present) => ({ ...present, mode: { ...present.mode, allow_test_tokens: false } }))
  assert.equal(other.member.bulletin.section('trust')?.test_keys, undefined)
  const taken = await other.call(token, 'GET', topics)
  assert.equal(taken.status, 401)
  assert.equal(taken.body['code'], 'test-token-refused')
  const made = await other.call(alice, 'POST', path, { roles: ['reader'] })
  assert.equal(made.status, 403)
  assert.equal(made.body['code'], 'test-tokens-not-allowed')
  for (const answer of [taken, made]) {
    const [event] = await other.audit('gateway', { request_id: String(answer.headers['x-request-id']) })
    assert.equal(event?.incident, true)
    assert.equal(event?.reason, answer.body['code'])
  }
  assert.equal((await other.call(alice, 'GET', topics)).status, 200)
})
