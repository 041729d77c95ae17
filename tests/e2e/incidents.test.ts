import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as startRequest } from 'node:https'
import { after, before, test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { emptyFiles, filesModule, zeros } from '../files.ts'
import { kafka } from '../kafka.ts'
import { startSecondGateway, type SecondGateway } from '../second-gateway.ts'

const revocations = '/v1/pop/incidents/revocations'
const topics = '/v1/kafka/topics'
const files = emptyFiles()
const names = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal', 'ida', 'jim', 'kay', 'lee']
const users = [
  ...names.map((username) => ({ username, roles: ['user', 'admin'] })),
  { username: 'watch', roles: ['watcher'] },
]
let pop: Pop
let second: SecondGateway
let alice = ''

before(async () => {
  const settings =
    developmentSettings.replace('  reader:\n', '  watcher:\n    - view_metrics\n  reader:\n') +
    'operators:\n  admin:\n    - operator\n  watcher:\n    - auditor\n'
  pop = await startPop({ modules: [kafka, filesModule(files)], settings, users })
  second = await startSecondGateway(pop)
  alice = await pop.token('alice')
})

after(async () => {
  await second[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

function claimsOf(token: string, part = 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString('utf8'))
}

async function revoke(body: Readonly<Record<string, unknown>>, by = alice): Promise<Record<string, unknown>> {
  const answer = await pop.call(by, 'POST', revocations, { reason: 'a test', ...body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return Object(answer.body['revocation'])
}

/** Waits until the second gateway, which nobody asked, refuses too. */
async function isRefusedEverywhere(token: string, path = topics): Promise<void> {
  const first = await pop.call(token, 'GET', path)
  assert.deepEqual([first.status, first.body['code']], [401, 'token-revoked'])
  for (;;) {
    const { status, body } = await second.call(token, 'GET', path)
    if (status === 401) {
      assert.equal(body['code'], 'token-revoked')
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function signIn(
  username: string,
): Promise<{ readonly token: string; readonly refresh: () => Promise<ClientAnswer> }> {
  const { body } = await pop.signIn(username)
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  return { token: String(body['access_token']), refresh: () => pop.form('/oauth/token', form) }
}

const orders: readonly (readonly [
  string,
  string,
  string,
  (claims: Record<string, unknown>) => Record<string, unknown>,
])[] = [
  ['user', 'ann', 'fay', ({ sub }) => ({ user: `user:${String(sub)}` })],
  ['session', 'ben', 'eve', ({ sid }) => ({ session: sid })],
  ['token', 'cid', 'dee', ({ jti }) => ({ token: jti })],
]
for (const [what, name, bystander, target] of orders) {
  test(`an order about a ${what} is in force at this gateway when it is answered, and at the other a moment later`, async () => {
    const { token } = await signIn(name)
    const other = await pop.token(bystander)
    assert.equal((await pop.call(token, 'GET', topics)).status, 200)
    assert.equal((await second.call(token, 'GET', topics)).status, 200)
    await revoke(target(claimsOf(token)))
    await isRefusedEverywhere(token)
    assert.equal((await pop.call(other, 'GET', topics)).status, 200, 'nobody else is refused')
    assert.equal((await second.call(other, 'GET', topics)).status, 200)
  })
}

test('who was revoked by user gets nothing by a refresh', async () => {
  const { token, refresh } = await signIn('gil')
  await revoke({ user: `user:${String(claimsOf(token)['sub'])}` })
  const refreshed = await refresh()
  assert.deepEqual([refreshed.status, refreshed.body['error']], [400, 'invalid_grant'])
})

test('a revocation is taken back by its id, and the log says who did what and why', async () => {
  const { token } = await signIn('hal')
  const ordered = await revoke({ session: claimsOf(token)['sid'], reason: 'laptop lost' })
  await isRefusedEverywhere(token)
  const listed = await pop.call(alice, 'GET', '/v1/pop/incidents')
  const found = (listed.body['revocations'] as Record<string, unknown>[]).find(({ id }) => id === ordered['id'])
  assert.equal(Object(found?.['account'])['reason'], 'laptop lost')
  const undone = await pop.call(alice, 'DELETE', `${revocations}/${String(ordered['id'])}`)
  assert.deepEqual([undone.status, undone.body['still_revoked_by']], [200, []])
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
  for (const service of ['gateway', 'control']) {
    const [event] = await pop.audit(service, { action: 'revocation_undo' })
    assert.equal(event?.user, 'alice', service)
  }
  const again = await pop.call(alice, 'DELETE', `${revocations}/${String(ordered['id'])}`)
  assert.equal(again.status, 404)
})

test('an auditor may look and not order, and who is neither may not even look', async () => {
  const watch = await pop.token('watch')
  const bob = await pop.token('bob')
  assert.equal((await pop.call(watch, 'GET', '/v1/pop/incidents')).status, 200)
  assert.equal((await pop.call(watch, 'POST', revocations, { session: 's', reason: 'x' })).status, 403)
  assert.equal((await pop.call(watch, 'DELETE', `${revocations}/x`)).status, 403)
  assert.equal((await pop.call(bob, 'GET', '/v1/pop/incidents')).status, 403)
  assert.equal((await pop.call(bob, 'POST', revocations, { session: 's', reason: 'x' })).status, 403)
})

test('a dry run tells whom it would meet, and revokes nobody', async () => {
  const { token } = await signIn('ida')
  await pop.call(token, 'GET', topics)
  const user = `user:${String(claimsOf(token)['sub'])}`
  const answer = await pop.call(alice, 'POST', revocations, { user, reason: 'x', dry_run: true })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body['at_this_gateway'], { under_way: 0, tokens: 1, names: ['ida'] })
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
})

test('a token itself is never taken in place of its jti', async () => {
  const { status, body } = await pop.call(alice, 'POST', revocations, { token: alice, reason: 'x' })
  assert.equal(status, 422)
  assert.ok(!JSON.stringify(body).includes(alice.slice(0, 20)))
})

/** A download of which the client has read something, through one of the gateways. */
async function download(origin: string, token: string, path: string) {
  const { hostname, port } = new URL(origin)
  const headers = { authorization: `Bearer ${token}` }
  const request = startRequest({ host: hostname, port, path, ca: pop.ca, agent: false, headers })
  request.on('error', () => undefined)
  request.end()
  const [response] = await once(request, 'response')
  response.on('error', () => undefined)
  const closed = new Promise((resolve) => response.on('close', resolve))
  await once(response, 'readable')
  response.read()
  return { response, closed, requestId: String(response.headers['x-request-id']) }
}

async function closingOf(requestId: string, service = 'gateway') {
  for (;;) {
    const closing = (await pop.audit(service, { request_id: requestId })).find(({ status }) => status !== 'opened')
    if (closing !== undefined) return closing
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const streams: readonly (readonly [string, string, string, 'first' | 'second'])[] = [
  ['a download that nobody goes on reading', 'jim', '/v1/files/file', 'first'],
  ['a stream of events that says nothing', 'kay', '/v1/files/events', 'first'],
  ['a download through another gateway', 'lee', '/v1/files/file', 'second'],
]
for (const [what, name, path, where] of streams) {
  test(`${what} is cut when its caller is revoked, and the logs say why`, async () => {
    const { token } = await signIn(name)
    const never = Promise.withResolvers<void>()
    async function* event(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('data: 1\n\n')
      await never.promise
    }
    files.answer = () =>
      path.endsWith('events') ? { bytes: event() } : { bytes: zeros(500_000_000, 65_536), lengthBytes: 500_000_000 }
    const { response, closed, requestId } = await download(where === 'first' ? pop.gateway : second.origin, token, path)
    await revoke({ session: claimsOf(token)['sid'] })
    response.resume()
    await closed
    assert.equal(response.complete, false, 'no reader takes what it has for the whole')
    const closing = await closingOf(requestId, where === 'first' ? 'gateway' : 'gateway-2')
    assert.deepEqual([closing.status, closing.reason, closing.code], ['refused', 'token-revoked', 401])
    await closingOf(requestId, 'files')
    never.resolve()
  })
}

test('an upload is cut when its caller is revoked: he is told why, and nothing is committed', async () => {
  const token = await testToken()
  const commits = files.commits.length
  const { hostname, port } = new URL(pop.gateway)
  const headers = { authorization: `Bearer ${token}`, 'content-length': '1000000' }
  const place = { host: hostname, port, method: 'PUT', path: '/v1/files/file', ca: pop.ca, agent: false, headers }
  const request = startRequest(place)
  request.on('error', () => undefined)
  request.write(Buffer.alloc(100_000))
  const answered = once(request, 'response')
  const target = { token: claimsOf(token)['jti'] }
  for (let underWay = 0; underWay === 0;) {
    const { body } = await pop.call(alice, 'POST', revocations, { ...target, reason: 'x', dry_run: true })
    underWay = Number(Object(body['at_this_gateway'])['under_way'])
  }
  await revoke(target)
  const [response] = await answered
  const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString()
  const problem: Record<string, unknown> = JSON.parse(text)
  assert.deepEqual([response.statusCode, problem['code'], problem['outcome']], [401, 'token-revoked', 'unknown'])
  const closing = await closingOf(String(response.headers['x-request-id']))
  assert.deepEqual([closing.reason, closing.test_token], ['token-revoked', true])
  assert.equal(files.commits.length, commits)
  request.destroy()
})

/** A test token of an admin: those are revoked like all others. */
async function testToken(): Promise<string> {
  const answer = await pop.call(alice, 'POST', '/v1/pop/test-tokens', { roles: ['admin', 'user'] })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return String(answer.body['access_token'])
}

test('who signs out at one gateway is signed out at the other', async () => {
  const token = await testToken()
  assert.equal((await second.call(token, 'GET', topics)).status, 200)
  assert.equal((await pop.form('/oauth/revoke', { token })).status, 200)
  await isRefusedEverywhere(token)
  for (;;) {
    const [event] = await pop
      .audit('control', { action: 'revocation' })
      .then((events) =>
        events.filter(({ resource_id: resource }) => resource === `jti ${String(claimsOf(token)['jti'])}`),
      )
    if (event === undefined) continue
    // The name in a test token is made up: who made it is said.
    assert.equal(event.reason, `revoked; said by user:${String(claimsOf(alice)['sub'])}`)
    break
  }
})

test('the key that signed the own token is not revoked: nobody could take it back', async () => {
  const { status, body } = await pop.call(alice, 'POST', revocations, { key: claimsOf(alice, 0)['kid'], reason: 'x' })
  assert.deepEqual([status, body['code']], [409, 'conflict'])
  await revoke({ key: 'another key' })
  assert.equal((await pop.call(alice, 'GET', topics)).status, 200)
})

test('who is an operator is said by the settings in force', async () => {
  await pop.changeSettings((settings) => ({ ...settings, operators: {} }))
  assert.equal((await pop.call(alice, 'GET', '/v1/pop/incidents')).status, 403)
  assert.equal((await pop.call(alice, 'POST', revocations, { session: 's', reason: 'x' })).status, 403)
  await pop.changeSettings((settings) => ({ ...settings, operators: { admin: ['operator'] } }))
  assert.equal((await pop.call(alice, 'GET', '/v1/pop/incidents')).status, 200)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
  assert.deepEqual(second.failures, [])
})
