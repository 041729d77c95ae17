import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exchange, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { exchangeJson, joinModule, meshClientOptions } from '@pop-api/workload'
import { kafka } from '../kafka.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const topics = '/v1/kafka/topics'
const users = Array.from({ length: 11 }, (_, at) => ({ username: `user${at}`, roles: ['user'] }))
const makers = Array.from({ length: 4 }, (_, at) => ({ username: `maker${at}`, roles: ['admin'] }))
let pop: Pop
let alice = ''
/** The provider's own key: what it would sign, and what nobody else can. */
let key: KeyObject

before(async () => {
  pop = await startPop({ modules: [kafka], users: [...users, ...makers] })
  alice = await pop.token('alice')
  key = createPrivateKey(readFileSync(join(pop.home, 'identity', 'signing-key.pem')))
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

const seconds = (): number => Math.floor(Date.now() / 1000)
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (token: string, part: 0 | 1): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString())

function signed(header: object, claims: object, signer = key): string {
  const text = `${encode({ ...decode(alice, 0), ...header })}.${encode(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), signer).toString('base64url')}`
}

/** A logout token as the provider would sign it, with what a test changes. */
function logoutToken(claims: object, header: object = {}, signer = key): string {
  const iat = seconds()
  const right = { iss: pop.issuer, aud: 'pop-gateway', iat, exp: iat + 120, jti: randomUUID(), events: { [event]: {} } }
  return signed({ typ: 'logout+jwt', ...header }, { ...right, ...claims }, signer)
}

const logOut = (token: string): Promise<ClientAnswer> => pop.form('/oauth/backchannel-logout', { logout_token: token })
const ask = (token: string): Promise<ClientAnswer> => pop.call(token, 'GET', topics)

async function isRevoked(token: string): Promise<void> {
  const { status, body } = await ask(token)
  assert.deepEqual([status, body['code']], [401, 'token-revoked'])
}

const kinds: readonly (readonly [string, object])[] = [
  ['logout+jwt', {}],
  ['JWT', { typ: 'JWT' }],
  ['no type', { typ: undefined }],
]
for (const [index, [name, header]] of kinds.entries()) {
  test(`a logout token of ${name} with a sid ends that session, here and at control`, async () => {
    const token = await pop.token(`user${index}`)
    const { sid, sub } = decode(token, 1)
    const typ = name === 'JWT' ? { typ: 'Logout' } : {}
    const answer = await logOut(logoutToken({ sid, sub, ...typ }, header))
    assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'no-store'], JSON.stringify(answer.body))
    await isRevoked(token)
    const [logged] = await pop.audit('gateway', { request_id: String(answer.headers['x-request-id']) })
    assert.deepEqual([logged?.action, logged?.status, logged?.session], ['backchannel_logout', 'success', sid])
    for (;;) {
      const told = pop.member.bulletin.section('incidents')?.revocations.find(({ value }) => value === sid)
      if (told?.account?.by === pop.issuer) break
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
}

test('a logout token without a sid ends every session that its subject has until now, and not the service client of the same subject', async () => {
  const { body } = await pop.signIn('user3')
  const token = String(body['access_token'])
  const { sub } = decode(token, 1)
  assert.equal((await logOut(logoutToken({ sub }))).status, 200)
  await isRevoked(token)
  const refresh = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  assert.equal(
    (await pop.form('/oauth/token', refresh)).body['error'],
    'invalid_grant',
    'a refresh is of the old sign-in',
  )
  const [client] = pop.users.clients
  assert.ok(client !== undefined)
  const { client_id, client_secret } = client
  const granted = await pop.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
  const service = String(granted.body['access_token'])
  assert.equal((await ask(service)).status, 200)
  assert.equal((await logOut(logoutToken({ sub: decode(service, 1)['sub'] }))).status, 200)
  await isRevoked(service)
})

test('a logout token works once, also twenty times at once', async () => {
  const token = logoutToken({ sid: 'nobody' })
  const answers = await Promise.all(Array.from({ length: 20 }, () => logOut(token)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  const refused = answers.filter(({ status }) => status === 400)
  assert.equal(refused.length, 19)
  assert.equal(refused[0]?.body['error'], 'invalid_request')
})

const own = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const sid = 'session-of-somebody'
const wrong: readonly (readonly [string, () => string])[] = [
  ['for another client', () => logoutToken({ sid, aud: 'account' })],
  ['for the audience of access tokens', () => logoutToken({ sid, aud: 'pop-api' })],
  ['for another client beside ours', () => logoutToken({ sid, aud: ['pop-gateway', 'other'] })],
  ['for nobody', () => logoutToken({ sid, aud: undefined })],
  ['of another issuer', () => logoutToken({ sid, iss: `${pop.issuer}2` })],
  ['of the key of another realm', () => logoutToken({ sid }, {}, own)],
  ['of a key that nobody knows', () => logoutToken({ sid }, { kid: 'unknown' })],
  ['of the algorithm none', () => `${logoutToken({ sid }, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`],
  ['of another algorithm of the same key', () => logoutToken({ sid }, { alg: 'PS256' })],
  ['with an embedded key', () => logoutToken({ sid }, { jwk: own.export({ format: 'jwk' }) })],
  ['with a nonce', () => logoutToken({ sid, nonce: 'n' })],
  ['with a nonce of null', () => logoutToken({ sid, nonce: null })],
  ['without events', () => logoutToken({ sid, events: undefined })],
  ['with other events', () => logoutToken({ sid, events: { 'https://example.com/event': {} } })],
  ['with a list of events', () => logoutToken({ sid, events: [event] })],
  ['with an event that is no object', () => logoutToken({ sid, events: { [event]: true } })],
  ['without sub and sid', () => logoutToken({})],
  ['with a sid that is no text', () => logoutToken({ sid: 7 })],
  ['with a sub of two lines', () => logoutToken({ sub: 'a\nb' })],
  ['without jti', () => logoutToken({ sid, jti: undefined })],
  ['without iat', () => logoutToken({ sid, iat: undefined })],
  ['without exp', () => logoutToken({ sid, exp: undefined })],
  ['that has expired', () => logoutToken({ sid, iat: seconds() - 200, exp: seconds() - 80 })],
  ['of the future', () => logoutToken({ sid, iat: seconds() + 60, exp: seconds() + 120 })],
  ['that lives for hours', () => logoutToken({ sid, exp: seconds() + 7200 })],
  ['of the kind of an ID token', () => logoutToken({ sid, typ: 'ID' }, { typ: 'JWT' })],
  ['of the type of access tokens', () => logoutToken({ sid }, { typ: 'at+jwt' })],
  ['that is an access token', () => alice],
  ['with a member twice', () => twice(logoutToken({ sid }))],
  ['respelled', () => `${logoutToken({ sid })}=`],
  ['that is none', () => 'made-up'],
]
for (const [name, make] of wrong) {
  test(`the gateway refuses a logout token ${name}`, async () => {
    const answer = await logOut(make())
    assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_request'], JSON.stringify(answer.body))
    assert.equal(answer.headers['cache-control'], 'no-store')
  })
}

/** The claims with one member twice, signed as the provider would. */
function twice(token: string): string {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url')
    .toString()
    .replace('{', '{"sid":"another",')
  const text = `${token.split('.')[0]}.${Buffer.from(claims).toString('base64url')}`
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

test('the log says what was wrong with what the provider sent', async () => {
  const headers = { 'content-type': 'application/json' }
  const place = { method: 'POST', origin: pop.gateway, path: '/oauth/backchannel-logout', ca: pop.ca }
  const answers = [
    await exchange({ ...place, headers, body: '{}' }),
    await logOut(logoutToken({ sid, aud: 'account' })),
    await push('k_logout', 'no order'),
  ]
  const reasons = await Promise.all(
    answers.map(async (answer) => {
      const [event] = await pop.audit('gateway', { request_id: String(answer.headers['x-request-id']) })
      return event?.reason ?? ''
    }),
  )
  assert.match(reasons[0] ?? '', /^media-type-unsupported: Send application\/x-www-form-urlencoded/)
  assert.equal(reasons[1], 'oauth-request-invalid: The logout token is for another client.')
  assert.match(reasons[2] ?? '', /^oauth-request-invalid: ./)
  const wrongForm = await pop.form('/oauth/revoke', {})
  const [other] = await pop.audit('gateway', { request_id: String(wrongForm.headers['x-request-id']) })
  assert.equal(other?.reason, 'oauth-request-invalid', 'of others the code alone')
})

test('a logout token is no access token, also one with the claims of both', async () => {
  assert.equal((await ask(logoutToken({ sid }))).status, 401)
  const both = { ...decode(alice, 1), jti: randomUUID(), events: { [event]: {} } }
  assert.equal((await ask(signed({ typ: 'logout+jwt' }, both))).status, 401)
  assert.equal((await ask(signed({ typ: 'JWT' }, { ...both, typ: 'Logout' }))).status, 401)
  assert.equal((await ask(alice)).status, 200)
})

test('what was refused has revoked nothing', async () => {
  const { body } = await pop.call(alice, 'GET', '/v1/pop/incidents')
  assert.ok(!JSON.stringify(body['revocations']).includes(sid))
})

/** An order of Keycloak's administration, as the realm signs it. */
function order(claims: object, header: object = {}, signer = key): string {
  const right = { id: randomUUID(), expiration: seconds() + 30, resource: 'pop-gateway', action: 'PUSH_NOT_BEFORE' }
  return signed({ typ: 'JWT', ...header }, { ...right, ...claims }, signer)
}

function push(path: 'k_push_not_before' | 'k_logout', body: string): Promise<ClientAnswer> {
  const headers = { 'content-type': 'text/plain; charset=ISO-8859-1' }
  return exchange({ method: 'POST', origin: pop.gateway, path: `/oauth/keycloak/${path}`, ca: pop.ca, headers, body })
}

const wrongOrders: readonly (readonly [string, () => string])[] = [
  ['of another realm', () => order({ notBefore: seconds() }, {}, own)],
  ['for another client', () => order({ notBefore: seconds(), resource: 'other' })],
  ['of another action', () => order({ notBefore: seconds(), action: 'LOGOUT' })],
  ['that has expired', () => order({ notBefore: seconds(), expiration: seconds() - 1 })],
  ['that lasts for hours', () => order({ notBefore: seconds(), expiration: seconds() + 7200 })],
  ['without an id', () => order({ notBefore: seconds(), id: undefined })],
  ['without a moment', () => order({})],
  ['of a moment that lies ahead', () => order({ notBefore: seconds() + 3600 })],
  ['of a moment that is a text', () => order({ notBefore: String(seconds()) })],
  ['that is an access token with the members of one', () => order({ ...decode(alice, 1), notBefore: seconds() })],
  ['that is an ID token with the members of one', () => order({ typ: 'ID', notBefore: seconds() })],
  [
    'of the algorithm none',
    () => `${order({ notBefore: seconds() }, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`,
  ],
  ['that is none', () => '{"action":"PUSH_NOT_BEFORE","notBefore":1}'],
]
for (const [name, make] of wrongOrders) {
  test(`the gateway refuses an order of not-before ${name}`, async () => {
    const answer = await push('k_push_not_before', make())
    assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_request'], JSON.stringify(answer.body))
    assert.equal((await ask(alice)).status, 200)
  })
}

test('an order of logout ends the sessions that it names', async () => {
  const token = await pop.token('user4')
  const ids = [decode(token, 1)['sid']]
  const right = { action: 'LOGOUT', notBefore: 0, adapterSessionIds: null, keycloakSessionIds: ids }
  assert.equal((await push('k_logout', order({ ...right, keycloakSessionIds: [7] }))).status, 400)
  assert.equal(
    (await push('k_logout', order({ ...right, keycloakSessionIds: null, adapterSessionIds: ['a'] }))).status,
    400,
  )
  assert.equal((await push('k_logout', order(right))).status, 204)
  await isRevoked(token)
  assert.equal((await ask(alice)).status, 200)
})

test('a not-before of zero takes nothing and gives nothing', async () => {
  assert.equal((await push('k_push_not_before', order({ notBefore: 0 }))).status, 204)
  assert.equal((await ask(alice)).status, 200)
})

test('a revoked token stays revoked however it is spelled, and a revoked user however often the token is refreshed', async () => {
  const { body } = await pop.signIn('user5')
  const token = String(body['access_token'])
  const ordered = await pop.call(alice, 'POST', '/v1/pop/incidents/revocations', {
    user: `user:${String(decode(token, 1)['sub'])}`,
    reason: 'attack',
  })
  assert.equal(ordered.status, 201)
  for (const spelling of [token, `${token}=`, `${token} `, `${token}.`, token.replace(/.$/, 'A')])
    assert.equal((await ask(spelling)).status, 401)
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  assert.equal((await pop.form('/oauth/token', form)).body['error'], 'invalid_grant')
  // What the provider would sign for the same session later: a new iat, and the sign-in of before.
  const later = { ...decode(token, 1), jti: randomUUID(), iat: seconds(), exp: seconds() + 600 }
  assert.equal((await ask(signed({}, later))).status, 401)
})

const ends: readonly (readonly [string, (token: string) => Promise<ClientAnswer>])[] = [
  [
    'whose user an operator revokes',
    (token) => {
      const user = `user:${String(decode(token, 1)['sub'])}`
      return pop.call(alice, 'POST', '/v1/pop/incidents/revocations', { user, reason: 'attack' })
    },
  ],
  ['whose session the provider ends', (token) => logOut(logoutToken({ sid: decode(token, 1)['sid'] }))],
  ['who gives the own token back', (token) => pop.form('/oauth/revoke', { token })],
]
for (const [index, [name, end]] of ends.entries()) {
  test(`a test token ends with whoever made it, ${name}`, async () => {
    const maker = await pop.token(`maker${index}`)
    const made = await pop.call(maker, 'POST', '/v1/pop/test-tokens', { roles: ['admin', 'user'] })
    const token = String(made.body['access_token'])
    assert.equal((await ask(token)).status, 200)
    const other = await pop.call(alice, 'POST', '/v1/pop/test-tokens', { roles: ['user'] })
    const { status } = await end(maker)
    assert.ok(status === 200 || status === 201, String(status))
    await isRevoked(token)
    assert.equal((await ask(String(other.body['access_token']))).status, 200)
  })
}

test('the route of gateways to control takes nothing without a certificate, from a module, or beyond what endpoints revoke', async () => {
  const account = { reason: 'x', by: 'x', at: seconds() }
  const facts = { kind: 'sid', value: 's', until: seconds() + 60, account }
  const url = `${pop.control.control}/incidents/revocations`
  const bare = { ca: readFileSync(join(pop.home, 'ca.pem'), 'utf8'), rejectUnauthorized: false }
  await assert.rejects(exchangeJson({ method: 'POST', url, tls: bare, body: { revocations: [facts] } }))
  const boot = {
    name: 'stolen',
    home: await mkdtemp(join(pop.home, 'stolen-')),
    listen: {},
    admin: pop.control.admin,
    anchor: { root_spki_sha256: pop.control.rootSpkiSha256 },
    token: pop.control.issueToken({ name: 'stolen', kind: 'module' }),
  }
  const requires = { role: 'create_resource', module: 'stolen.read' }
  await using stolen = await joinModule(boot, {
    openapi: '3.1.0',
    info: { title: 'stolen', version: '1' },
    'x-pop-module': { name: 'stolen', base: '/v1/stolen', permissions: ['stolen.read'] },
    paths: { '/': { get: { operationId: 'get', 'x-pop-requires': requires } } },
  })
  const ofModule = meshClientOptions(stolen, () => true)
  await assert.rejects(exchangeJson({ method: 'POST', url, tls: ofModule, body: { revocations: [facts] } }), {
    code: 'workload-refused',
  })
  const tls = meshClientOptions(pop.member, () => true)
  await assert.rejects(exchangeJson({ method: 'POST', url, tls, body: { revocations: [{ ...facts, kind: 'kid' }] } }), {
    code: 'body-invalid',
  })
  const viaGateway = await pop.call(alice, 'POST', '/incidents/revocations', { revocations: [facts] })
  assert.equal(viaGateway.status, 404, 'and no gateway serves it')
})

/** What the bulletin tells of a session or token, once it does. */
async function toldOf(value: unknown) {
  for (;;) {
    const told = pop.member.bulletin.section('incidents')?.revocations.find((one) => one.value === value)
    if (told !== undefined) return told
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('a session is of its own holder’s share, whosever dead token stands beside its refresh token', async () => {
  const dead = await pop.token('user8')
  assert.equal((await pop.form('/oauth/logout', { token: dead })).status, 204)
  await isRevoked(dead)
  const { body } = await pop.signIn('user9')
  const own = decode(String(body['access_token']), 1)
  assert.equal(
    (await pop.form('/oauth/logout', { token: dead, refresh_token: String(body['refresh_token']) })).status,
    204,
  )
  assert.equal((await toldOf(own['sid'])).account?.by, `user:${String(own['sub'])}`)
  // Of the two nobody knows who it was.
  const [logged] = (await pop.audit('gateway', { action: 'sign_out' })).filter(({ session }) => session === own['sid'])
  assert.deepEqual([logged?.status, logged?.user], ['success', '-'])
})

test('a test token is of its maker’s share, whatever name it has', async () => {
  const maker = await pop.token('maker3')
  const made = await pop.call(maker, 'POST', '/v1/pop/test-tokens', { roles: ['user'] })
  assert.equal(made.status, 201)
  const token = String(made.body['access_token'])
  assert.equal((await pop.form('/oauth/revoke', { token })).status, 200)
  assert.equal((await toldOf(decode(token, 1)['jti'])).account?.by, `user:${String(decode(maker, 1)['sub'])}`)
})

test('a session that ended while token_expiration was short is listed as long as the older tokens could last', async () => {
  const { body } = await pop.signIn('user10')
  const { sid } = decode(String(body['access_token']), 1)
  const withLife = (seconds: number) =>
    pop.changeSettings((present) => ({
      ...present,
      security_config: { ...present.security_config, token_expiration: seconds },
    }))
  await withLife(5)
  assert.equal((await pop.form('/oauth/logout', { refresh_token: String(body['refresh_token']) })).status, 204)
  await withLife(3600)
  const { until, account } = await toldOf(sid)
  assert.ok(until - (account?.at ?? Infinity) >= 3600)
  await isRevoked(String(body['access_token']))
})

test('what a stolen refresh token ends is listed as long as its tokens last: whoever steals from himself fills no list', async () => {
  const { body } = await pop.signIn('user7')
  const token = String(body['access_token'])
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  assert.equal((await pop.form('/oauth/token', form)).status, 200)
  assert.equal((await pop.form('/oauth/token', form)).body['error'], 'invalid_grant')
  await isRevoked(token)
  const { sid } = decode(token, 1)
  const { iat, exp } = decode(token, 1)
  for (;;) {
    const told = pop.member.bulletin.section('incidents')?.revocations.find(({ value }) => value === sid)
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (told === undefined) continue
    const lasts = told.until - (told.account?.at ?? 0)
    const life = Number(exp) - Number(iat)
    assert.ok(lasts >= life && lasts <= life + 20, String(lasts))
    break
  }
})

test('everything that was issued before a not-before is over, for everybody, and what is issued later is not', async () => {
  const token = await pop.token('user6')
  const answer = await push('k_push_not_before', order({ notBefore: seconds() + 1 }))
  assert.equal(answer.status, 204, JSON.stringify(answer.body))
  await isRevoked(token)
  await isRevoked(alice)
  const later = { ...decode(token, 1), jti: randomUUID(), iat: seconds() + 2, exp: seconds() + 600 }
  assert.equal((await ask(signed({}, later))).status, 200)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
