import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPop, usesLiveServers, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

let pop: Pop
const names = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal', 'ida', 'jim', 'kay'].map((username) => ({
  username,
  roles: ['user'],
}))

before(async () => {
  pop = await startPop({ modules: [kafka], users: names })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

const topics = '/v1/kafka/topics'

function text(answer: ClientAnswer, member: string): string {
  const value = answer.body[member]
  assert.equal(typeof value, 'string', `${member} in ${JSON.stringify(answer.body)}`)
  return String(value)
}

test('POST /oauth/token gives a token of an hour for password and code', async () => {
  const answer = await pop.signIn('alice')
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body), ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope'])
  assert.equal(answer.body['token_type'], 'Bearer')
  assert.equal(answer.body['expires_in'], 3600)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal((await pop.call(text(answer, 'access_token'), 'GET', topics)).status, 200)
})

test('every refused sign-in gets the same answer', async () => {
  const { password = '' } = pop.users.users.find(({ username }) => username === 'ann') ?? {}
  const attempts: readonly (readonly [string, Promise<ClientAnswer>])[] = [
    ['a wrong password', pop.signIn('ann', { password: 'wrong' })],
    ['a wrong code', pop.signIn('ben', { totp: '000000' })],
    ['no code', pop.form('/oauth/token', { grant_type: 'password', username: 'ann', password })],
    ['a code that is none', pop.signIn('ann', { totp: 'abc' })],
    ['an unknown user', pop.signIn('ann', { username: 'nobody' })],
    ['an empty user', pop.signIn('ann', { username: ' ' })],
    ['a bad refresh token', pop.form('/oauth/token', { grant_type: 'refresh_token', refresh_token: 'x' })],
  ]
  for (const [name, attempt] of attempts) {
    const { status, body, headers } = await attempt
    const { request_id: _id, ...same } = body
    assert.equal(status, 400, name)
    assert.equal(headers['content-type'], 'application/json', name)
    assert.deepEqual(
      same,
      {
        error: 'invalid_grant',
        error_description: 'The credentials are not valid.',
        type: 'https://pop-api.dev/problems/sign-in-refused',
        title: 'Sign-in was refused',
        status: 400,
        code: 'sign-in-refused',
        detail: 'The credentials are not valid.',
      },
      name,
    )
  }
})

test('a code works once', async () => {
  assert.equal((await pop.signIn('cid')).status, 200)
  assert.equal((await pop.signIn('cid')).body['error'], 'invalid_grant')
})

test('of 20 sign-ins at once with one code, one succeeds', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => pop.signIn('dee')))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

test('sign-ins are recorded under the account that was named, and tell no secret', async () => {
  const refused = await pop.signIn('eve', { password: 'hunter2-hunter2' })
  const [event] = await pop.audit('gateway', { request_id: String(refused.headers['x-request-id']) })
  assert.equal(event?.action, 'sign_in')
  assert.equal(event?.status, 'refused')
  assert.equal(event?.user, '-')
  assert.equal(event?.resource_id, 'eve')
  const granted = await pop.signIn('eve')
  const [success] = await pop.audit('gateway', { request_id: String(granted.headers['x-request-id']) })
  assert.equal(success?.user, 'eve')
  const log = JSON.stringify(await pop.audit('gateway'))
  assert.doesNotMatch(log, /hunter2/)
  assert.ok(!log.includes(text(granted, 'access_token')) && !log.includes(text(granted, 'refresh_token')))
})

test('a refreshed token keeps session and second factor, and the used refresh token is dead', async () => {
  const first = await pop.signIn('bob')
  const refresh = { grant_type: 'refresh_token', refresh_token: text(first, 'refresh_token') }
  const second = await pop.form('/oauth/token', refresh)
  assert.equal(second.status, 200, JSON.stringify(second.body))
  const [event] = await pop.audit('gateway', { request_id: String(second.headers['x-request-id']) })
  assert.deepEqual([event?.action, event?.user], ['token_refresh', 'bob'])
  const claims = (answer: ClientAnswer): Record<string, unknown> =>
    JSON.parse(Buffer.from(text(answer, 'access_token').split('.')[1] ?? '', 'base64url').toString())
  for (const name of ['sub', 'sid', 'acr', 'amr', 'roles', 'azp'])
    assert.deepEqual(claims(second)[name], claims(first)[name], name)
  assert.notEqual(claims(second)['jti'], claims(first)['jti'])
  assert.equal((await pop.form('/oauth/token', refresh)).body['error'], 'invalid_grant')
})

test('a service client signs in with its own secret, in the form or as Basic, and needs no second factor', async () => {
  const [client] = pop.users.clients
  assert.ok(client !== undefined)
  const { client_id, client_secret } = client
  const posted = await pop.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
  assert.equal(posted.status, 200, JSON.stringify(posted.body))
  assert.equal(posted.body['refresh_token'], undefined)
  const listed = await pop.call(text(posted, 'access_token'), 'GET', topics)
  assert.equal(listed.status, 200)
  const [event] = await pop.audit('gateway', { request_id: String(listed.headers['x-request-id']) })
  assert.equal(event?.subject, 'client:reporter')
  const basic = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
  const raw = await pop.raw(
    `POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
      'Content-Length: 29\r\nConnection: close\r\n\r\ngrant_type=client_credentials',
  )
  assert.match(raw, /^HTTP\/1\.1 200 /)
})

test('a client that is refused gets 401 and a challenge', async () => {
  const [client] = pop.users.clients
  const refused: readonly (readonly [string, Record<string, string>])[] = [
    ['a wrong secret', { client_id: client?.client_id ?? '', client_secret: 'wrong' }],
    ['an unknown client', { client_id: 'nobody', client_secret: 'wrong' }],
    ['a client without a secret', { client_id: 'reporter' }],
    ['no client', {}],
  ]
  for (const [name, credentials] of refused) {
    const answer = await pop.form('/oauth/token', { grant_type: 'client_credentials', ...credentials })
    assert.equal(answer.status, 401, name)
    assert.equal(answer.body['error'], 'invalid_client', name)
    assert.match(String(answer.headers['www-authenticate']), /^Basic /, name)
  }
})

test('what is no OAuth request is refused as one', async () => {
  const client = { client_id: 'reporter', client_secret: pop.users.clients[0]?.client_secret ?? '' }
  const cases: readonly (readonly [string, Record<string, string>, number, string])[] = [
    ['no grant type', {}, 400, 'invalid_request'],
    ['an unknown grant type', { grant_type: 'implicit' }, 400, 'unsupported_grant_type'],
    ['no password', { grant_type: 'password', username: 'ann' }, 400, 'invalid_request'],
    [
      'a grant that the client may not use',
      { grant_type: 'refresh_token', refresh_token: 'x', ...client },
      400,
      // Keycloak looks at the token first.
      usesLiveServers() ? 'invalid_grant' : 'invalid_request',
    ],
  ]
  for (const [name, form, status, error] of cases) {
    const answer = await pop.form('/oauth/token', form)
    assert.equal(answer.status, status, `${name}: ${JSON.stringify(answer.body)}`)
    assert.equal(answer.body['error'], error, name)
    assert.equal(answer.body['error_description'], answer.body['detail'], name)
  }
})

const bodies: readonly (readonly [string, string])[] = [
  ['a parameter twice', 'grant_type=password&grant_type=refresh_token'],
  ['a parameter twice in two spellings', 'grant_type=password&grant%5Ftype=refresh_token'],
  ['a broken escape', 'grant_type=%zz'],
  ['bytes that are not UTF-8', 'grant_type=password&username=%ff'],
  ['raw bytes above ASCII', 'grant_type=password&username=\u00e9'],
]
for (const [name, body] of bodies) {
  test(`POST /oauth/token refuses a form with ${name}`, async () => {
    const answer = await pop.raw(
      'POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 .*"error":"invalid_request"/s)
  })
}

test('POST /oauth/token takes a form and nothing else, and only POST', async () => {
  assert.equal((await pop.call(undefined, 'POST', '/oauth/token', { grant_type: 'password' })).status, 415)
  const get = await pop.call(undefined, 'GET', '/oauth/token')
  assert.equal(get.status, 405)
  assert.equal(get.headers['allow'], 'POST')
})

test('POST /oauth/revoke ends one token at once, also one respelled, and other tokens go on', async () => {
  const first = await pop.signIn('fay')
  const revoked = text(first, 'access_token')
  const second = await pop.form('/oauth/token', {
    grant_type: 'refresh_token',
    refresh_token: text(first, 'refresh_token'),
  })
  assert.equal((await pop.call(revoked, 'GET', topics)).status, 200)
  assert.equal((await pop.form('/oauth/revoke', { token: revoked })).status, 200)
  const refused = await pop.call(revoked, 'GET', topics)
  assert.equal(refused.status, 401)
  assert.equal(refused.body['code'], 'token-revoked')
  for (const spelling of [`${revoked}=`, ` ${revoked}`, `${revoked}.`])
    assert.equal((await pop.call(spelling, 'GET', topics)).status, 401)
  assert.equal((await pop.call(text(second, 'access_token'), 'GET', topics)).status, 200)
})

test('POST /oauth/revoke says nothing about a token that is none of ours', async () => {
  assert.equal((await pop.form('/oauth/revoke', { token: 'made-up' })).status, 200)
  assert.equal((await pop.form('/oauth/revoke', {})).status, 400)
})

test('POST /oauth/logout ends every token of the session, and no refresh brings it back', async () => {
  const first = await pop.signIn('gil')
  const refreshed = await pop.form('/oauth/token', {
    grant_type: 'refresh_token',
    refresh_token: text(first, 'refresh_token'),
  })
  const refreshToken = text(refreshed, 'refresh_token')
  assert.equal((await pop.form('/oauth/logout', { refresh_token: refreshToken })).status, 204)
  for (const answer of [first, refreshed]) {
    const refused = await pop.call(text(answer, 'access_token'), 'GET', topics)
    assert.equal(refused.body['code'], 'token-revoked')
  }
  const again = await pop.form('/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken })
  assert.equal(again.body['error'], 'invalid_grant')
})

async function refreshed(answer: ClientAnswer): Promise<ClientAnswer> {
  return pop.form('/oauth/token', { grant_type: 'refresh_token', refresh_token: text(answer, 'refresh_token') })
}

async function isDead(...answers: readonly ClientAnswer[]): Promise<void> {
  for (const answer of answers) {
    assert.equal((await pop.call(text(answer, 'access_token'), 'GET', topics)).body['code'], 'token-revoked')
    assert.equal((await refreshed(answer)).body['error'], 'invalid_grant')
  }
}

test('POST /oauth/logout with a refresh token that somebody else has used meanwhile ends their session too', async () => {
  const owner = await pop.signIn('hal')
  const thief = await refreshed(owner)
  assert.equal(thief.status, 200)
  const out = await pop.form('/oauth/logout', { refresh_token: text(owner, 'refresh_token') })
  assert.equal(out.status, 204)
  await isDead(owner, thief)
  const [event] = await pop.audit('gateway', { request_id: String(out.headers['x-request-id']) })
  assert.equal(event?.action, 'sign_out')
  const sid = JSON.parse(Buffer.from(text(owner, 'access_token').split('.')[1] ?? '', 'base64url').toString()).sid
  assert.equal(event?.session, sid)
})

test('POST /oauth/logout beside a refresh of the same session leaves nothing that lives', async () => {
  const first = await pop.signIn('ida')
  const [second, out] = await Promise.all([
    refreshed(first),
    pop.form('/oauth/logout', { refresh_token: text(first, 'refresh_token') }),
  ])
  assert.equal(out.status, 204)
  await isDead(first, ...(second.status === 200 ? [second] : []))
})

test('POST /oauth/logout ends the session also of a token that was revoked before', async () => {
  const first = await pop.signIn('jim')
  const token = text(first, 'access_token')
  assert.equal((await pop.form('/oauth/revoke', { token })).status, 200)
  assert.equal((await pop.form('/oauth/logout', { token })).status, 204)
  assert.equal((await refreshed(first)).body['error'], 'invalid_grant')
})

test('POST /oauth/logout says so when there was nothing to end', async () => {
  for (const form of [{ refresh_token: 'made-up' }, { token: 'made-up' }]) {
    const { status, body } = await pop.form('/oauth/logout', form)
    assert.deepEqual([status, body['error']], [400, 'invalid_grant'])
  }
})

test('a client without a secret is refused, and the provider is not asked', async () => {
  const raw = await pop.raw(
    'POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTo=\r\nConnection: close\r\n' +
      'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials',
  )
  assert.match(raw, /^HTTP\/1\.1 401 .*"error":"invalid_client"/s)
})

test('GET /.well-known/oauth-protected-resource says where tokens come from, to everybody', async () => {
  const { status, body } = await pop.call(undefined, 'GET', '/.well-known/oauth-protected-resource')
  assert.equal(status, 200)
  assert.equal(body['resource'], pop.gateway)
  assert.deepEqual(body['authorization_servers'], [pop.issuer])
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
