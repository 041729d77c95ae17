import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ClientAnswer } from '@pop-api/testkit'
import { byBrowser, byPassword, refresh } from '../sign-in/ways.ts'
import { startSignInWorld, type SignInWorld } from '../sign-in/world.ts'

let world: SignInWorld

before(async () => {
  world = await startSignInWorld()
})

after(async () => {
  await world[Symbol.asyncDispose]()
})

function textOf({ body }: ClientAnswer, member: string): string {
  const value = body[member]
  assert.equal(typeof value, 'string', JSON.stringify(body))
  return String(value)
}

/** As the service client, or as whom the parameters name. */
function introspect(token: string, client?: Readonly<Record<string, string>>): Promise<ClientAnswer> {
  const { id, secret } = world.clients.service
  return world.form('/oauth/introspect', { token, ...(client ?? { client_id: id, client_secret: secret }) })
}

test('POST /oauth/introspect tells a service what a token says', async () => {
  const user = world.takeUser()
  const signedIn = await byPassword(world, user)
  const { status, headers, body } = await introspect(textOf(signedIn, 'access_token'))
  assert.equal(status, 200)
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(body['active'], true)
  assert.equal(body['sub'], user.id)
  const [event] = await world.audit('gateway', { request_id: String(headers['x-request-id']) })
  assert.deepEqual([event?.action, event?.resource_id], ['token_introspection', 'reporter'])
  for (const token of ['made-up', 'a.b.c']) assert.deepEqual((await introspect(token)).body, { active: false })
})

test('POST /oauth/introspect knows no token that this gateway refuses', async () => {
  const signedIn = await byPassword(world, world.takeUser())
  const token = textOf(signedIn, 'access_token')
  assert.equal((await world.form('/oauth/revoke', { token })).status, 200)
  assert.deepEqual((await introspect(token)).body, { active: false })
  const other = await byPassword(world, world.takeUser())
  assert.equal((await world.form('/oauth/logout', { token: textOf(other, 'access_token') })).status, 204)
  assert.deepEqual((await introspect(textOf(other, 'access_token'))).body, { active: false })
})

test('POST /oauth/introspect answers nobody who has not shown who it is', async () => {
  const signedIn = await byPassword(world, world.takeUser())
  const token = textOf(signedIn, 'access_token')
  const strangers = [
    {},
    { client_id: 'pop-cli' },
    { client_id: 'reporter' },
    { client_id: 'reporter', client_secret: 'x' },
  ]
  for (const client of strangers) {
    const answer = await introspect(token, client)
    assert.deepEqual([answer.status, answer.body['error']], [401, 'invalid_client'], JSON.stringify(client))
    assert.equal(answer.body['active'], undefined)
  }
  const { id, secret } = world.clients.service
  const empty = await world.form('/oauth/introspect', { client_id: id, client_secret: secret })
  assert.deepEqual([empty.status, empty.body['error']], [400, 'invalid_request'])
})

test('POST /oauth/device_authorization names the pages of the provider, for clients that may', async () => {
  const asked = await world.form('/oauth/device_authorization', { client_id: 'pop-cli', scope: 'openid' })
  assert.equal(asked.status, 200, JSON.stringify(asked.body))
  assert.equal(asked.headers['cache-control'], 'no-store')
  assert.ok(textOf(asked, 'verification_uri').startsWith(`${world.issuer}/device`))
  assert.ok(Number(asked.body['interval']) >= 1 && Number(asked.body['expires_in']) >= 60)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const poll = { grant_type, client_id: 'pop-cli', device_code: textOf(asked, 'device_code') }
  const waiting = await world.form('/oauth/token', poll)
  assert.deepEqual([waiting.status, waiting.body['error']], [400, 'authorization_pending'])
  const [event] = await world.audit('gateway', { request_id: String(waiting.headers['x-request-id']) })
  assert.equal(event?.action, 'device_poll')
  const nobody = await world.form('/oauth/device_authorization', {})
  assert.deepEqual([nobody.status, nobody.body['error']], [401, 'invalid_client'])
  const { id, secret } = world.clients.service
  const service = await world.form('/oauth/device_authorization', { client_id: id, client_secret: secret })
  assert.ok(service.status === 400 || service.status === 401, JSON.stringify(service.body))
  assert.equal(service.body['device_code'], undefined)
})

test('a public client ends its own session by its name, and that of no other client', async () => {
  const own = await byBrowser(world, world.takeUser())
  const refreshToken = textOf(own, 'refresh_token')
  const unnamed = await world.form('/oauth/logout', { refresh_token: refreshToken })
  assert.deepEqual([unnamed.status, unnamed.body['error']], [400, 'invalid_grant'])
  const named = await world.form('/oauth/logout', { client_id: 'pop-cli', refresh_token: refreshToken })
  assert.equal(named.status, 204)
  assert.equal((await world.use(textOf(own, 'access_token'))).body['code'], 'token-revoked')
  assert.equal((await refresh(world, own, 'pop-cli')).body['error'], 'invalid_grant')
  const foreign = await byPassword(world, world.takeUser())
  const stolen = { client_id: 'pop-cli', refresh_token: textOf(foreign, 'refresh_token') }
  assert.equal((await world.form('/oauth/logout', stolen)).body['error'], 'invalid_grant')
  assert.equal((await world.use(textOf(foreign, 'access_token'))).status, 200)
})

test('identity.password_grant: false takes no passwords, and everything else goes on', async () => {
  const signedIn = await byPassword(world, world.takeUser())
  await world.changeSettings(({ identity, ...others }) => ({
    ...others,
    identity: { ...identity, password_grant: false },
  }))
  const refused = await byPassword(world, world.takeUser())
  assert.deepEqual([refused.status, refused.body['error']], [400, 'unsupported_grant_type'])
  assert.equal(refused.body['code'], 'grant-unsupported')
  assert.equal((await refresh(world, signedIn, '')).status, 200)
  assert.equal((await byBrowser(world, world.takeUser())).status, 200)
  await world.changeSettings(({ identity, ...others }) => ({
    ...others,
    identity: { ...identity, password_grant: true },
  }))
  assert.equal((await byPassword(world, world.takeUser())).status, 200)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(world.failures, [])
})
