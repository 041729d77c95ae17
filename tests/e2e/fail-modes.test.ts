import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

const topics = '/v1/kafka/topics'

test('without the identity provider those who are signed in go on, and sign-in says that it cannot be done now', async () => {
  await using pop = await startPop({ modules: [kafka] })
  const signedIn = await pop.signIn('bob')
  const token = String(signedIn.body['access_token'])
  await pop.stopIdentity()
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await pop.call(token, 'GET', topics)).status),
  )
  assert.deepEqual([...new Set(statuses)], [200])
  const refresh = { grant_type: 'refresh_token', refresh_token: String(signedIn.body['refresh_token']) }
  for (const answer of [await pop.signIn('carol'), await pop.form('/oauth/token', refresh)]) {
    assert.equal(answer.status, 503)
    assert.equal(answer.body['error'], 'temporarily_unavailable')
    assert.equal(answer.headers['retry-after'], '5')
  }
})

test('without the identity provider a token of an unknown key is 503, never 401: that it is bad cannot be known', async () => {
  await using pop = await startPop({ modules: [kafka] })
  const token = await pop.token('bob')
  await pop.stopIdentity()
  const [head = '', ...rest] = token.split('.')
  const header = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), kid: 'unknown' }
  const unknown = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
  const refused = await pop.call(unknown, 'GET', topics)
  assert.equal(refused.status, 503)
  assert.equal(refused.headers['retry-after'], '5')
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
})

test('a sign-out that the provider cannot be told of holds at the gateway all the same', async () => {
  await using pop = await startPop({ modules: [kafka] })
  const token = await pop.token('bob')
  await pop.stopIdentity()
  assert.equal((await pop.form('/oauth/logout', { token })).status, 503)
  assert.equal((await pop.call(token, 'GET', topics)).body['code'], 'token-revoked')
})

test('without control the gateway and its modules go on by the last bulletin', async () => {
  await using pop = await startPop({ modules: [kafka] })
  const token = await pop.token('bob')
  await pop.control[Symbol.asyncDispose]()
  assert.equal((await pop.call(token, 'POST', topics, { topic_name: 'after' })).status, 201)
  assert.equal((await pop.call(token, 'GET', `${topics}/after`)).status, 200)
})
