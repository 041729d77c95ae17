import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [kafka] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function requestId(headers: Readonly<Record<string, unknown>>): string {
  return String(headers['x-request-id'])
}

test('a user creates a topic, puts ten records and reads them back', async () => {
  const created = await pop.call(tokens['bob'], 'POST', '/v1/kafka/topics', {
    topic_name: 'orders',
    partitions_count: 1,
  })
  assert.equal(created.status, 201, JSON.stringify(created.body))
  const records = Array.from({ length: 10 }, (_, index) => ({ value: { type: 'JSON', data: { index } } }))
  const put = await pop.call(tokens['bob'], 'POST', '/v1/kafka/topics/orders/records', { records })
  assert.equal(put.status, 200, JSON.stringify(put.body))
  const read = await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics/orders/records?partition_id=0&offset=0&limit=100')
  assert.equal(read.status, 200, JSON.stringify(read.body))
  const { data } = read.body
  assert.ok(Array.isArray(data))
  assert.deepEqual(
    data.map((record) => record.value.data.index),
    Array.from({ length: 10 }, (_, index) => index),
  )
})

test('gateway and module record the same request id and transaction', async () => {
  const read = await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics/orders')
  const id = requestId(read.headers)
  const [atGateway] = await pop.audit('gateway', { request_id: id })
  const [atModule] = await pop.audit('kafka_service', { request_id: id })
  assert.equal(atGateway?.status, 'success')
  assert.equal(atGateway?.user, 'bob')
  assert.equal(atGateway?.resource_id, 'orders')
  assert.ok(atGateway?.txn !== undefined)
  assert.equal(atModule?.txn, atGateway?.txn)
  assert.equal(atModule?.decision, atGateway?.decision)
})

test('a change is announced before it is forwarded', async () => {
  const created = await pop.call(tokens['bob'], 'POST', '/v1/kafka/topics', {
    topic_name: 'announced',
    partitions_count: 1,
  })
  const events = await pop.audit('gateway', { request_id: requestId(created.headers) })
  assert.deepEqual(
    events.map((event) => event.status),
    ['opened', 'success'],
  )
})

test('a reader sees a topic of another only once it is public', async () => {
  assert.equal((await pop.call(tokens['carol'], 'GET', '/v1/kafka/topics/orders')).status, 404)
  const list = await pop.call(tokens['carol'], 'GET', '/v1/kafka/topics')
  assert.deepEqual(list.body['data'], [])
  assert.equal(
    (await pop.call(tokens['bob'], 'PATCH', '/v1/kafka/topics/orders', { visibility: 'public' })).status,
    200,
  )
  assert.equal((await pop.call(tokens['carol'], 'GET', '/v1/kafka/topics/orders')).status, 200)
})

test('a reader who creates is refused with a decision, and the reason stays in the log', async () => {
  const refused = await pop.call(tokens['carol'], 'POST', '/v1/kafka/topics', {
    topic_name: 'hers',
    partitions_count: 1,
  })
  assert.equal(refused.status, 403)
  assert.equal(refused.body['code'], 'permission-denied')
  assert.equal(typeof refused.body['decision'], 'string')
  assert.doesNotMatch(JSON.stringify(refused.body), /create_resource/)
  const [event] = await pop.audit('gateway', { request_id: requestId(refused.headers) })
  assert.equal(event?.decision, refused.body['decision'])
  assert.match(event?.reason ?? '', /create_resource/)
  assert.deepEqual(await pop.audit('kafka_service', { request_id: requestId(refused.headers) }), [])
})

test('deleting is for whom the policy lets delete', async () => {
  assert.equal((await pop.call(tokens['bob'], 'DELETE', '/v1/kafka/topics/orders')).status, 403)
  assert.equal((await pop.call(tokens['alice'], 'DELETE', '/v1/kafka/topics/orders')).status, 204)
  assert.equal((await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics/orders')).status, 404)
})

test('without a valid token nothing reaches the module', async () => {
  const bob = tokens['bob'] ?? ''
  const [head = '', claims = '', signature = ''] = bob.split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt","kid":"x"}').toString('base64url')
  const attacks: readonly (readonly [string, string | undefined])[] = [
    ['no token', undefined],
    ['no signature', `${head}.${claims}.`],
    ['the algorithm none', `${none}.${claims}.`],
    ['a changed claim', `${head}.${claims.slice(0, -2)}AA.${signature}`],
    ['padding', `${bob}=`],
    ['a fourth part', `${bob}.x`],
    ['half a token', `${head}.${claims}`],
  ]
  for (const [name, token] of attacks) {
    const refused = await pop.call(token, 'GET', '/v1/kafka/topics')
    assert.equal(refused.status, 401, name)
    assert.match(String(refused.headers['www-authenticate']), /^Bearer /, name)
    const [event] = await pop.audit('gateway', { request_id: requestId(refused.headers) })
    assert.equal(event?.status, 'refused', name)
    assert.deepEqual(await pop.audit('kafka_service', { request_id: requestId(refused.headers) }), [], name)
  }
})

test('what does not match the schema is refused before the module', async () => {
  const attacks: readonly (readonly [string, string, string, unknown, number])[] = [
    ['an unknown member', 'POST', '/v1/kafka/topics', { topic_name: 'x', partitions_count: 1, owner: 'alice' }, 422],
    ['a wrong type', 'POST', '/v1/kafka/topics', { topic_name: 7 }, 422],
    ['an unknown parameter', 'GET', '/v1/kafka/topics?admin=true', undefined, 400],
    ['a repeated parameter', 'GET', '/v1/kafka/topics?limit=1&limit=2', undefined, 400],
    ['a path that is not there', 'GET', '/v1/kafka/nothing', undefined, 404],
    ['a method that is not offered', 'PUT', '/v1/kafka/topics', {}, 405],
  ]
  for (const [name, method, target, body, status] of attacks) {
    const refused = await pop.call(tokens['bob'], method, target, body)
    assert.equal(refused.status, status, `${name}: ${JSON.stringify(refused.body)}`)
    assert.deepEqual(await pop.audit('kafka_service', { request_id: requestId(refused.headers) }), [], name)
  }
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
