import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PopError, type HandlerAnswer, type HandlerRequest, type Resource } from '@pop-api/module'
import { defineKafkaService } from './definition.ts'
import { openSqliteDriver } from './driver/sqlite-driver.ts'
import { kafkaHandlers } from './handlers.ts'

const orders: Resource = { kind: 'topic', id: 'orders', owner: 'user:bob', visibility: 'private' }

/** The handlers over a store of their own, called as the SDK calls them. */
async function openHandlers() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-kafka-'))
  const driver = openSqliteDriver(join(folder, 'topics.db'), () => 0)
  const handlers = kafkaHandlers(driver)
  const wishes: string[] = []
  const call = async (name: string, request: Partial<HandlerRequest> = {}): Promise<HandlerAnswer> => {
    const handler = handlers[name] ?? assert.fail(`no handler ${name}`)
    return handler({
      parameters: {},
      query: {},
      headers: {},
      body: undefined,
      caller: { subject: 'user:bob', name: 'bob' },
      scope: ['own'],
      resource: orders,
      page: undefined,
      book: { setVisibility: (visibility) => wishes.push(visibility) },
      stream: undefined,
      requestId: 'req-1',
      txn: 'txn-1',
      ...request,
    })
  }
  const close = async () => {
    driver[Symbol.dispose]()
    await rm(folder, { recursive: true })
  }
  return { call, driver, wishes, [Symbol.asyncDispose]: close }
}

const shown = {
  topic_name: 'orders',
  partitions_count: 1,
  replication_factor: 1,
  configs: {},
  visibility: 'private',
  owner: 'user:bob',
}
const text = (data: string) => ({ value: { type: 'STRING', data } })

test('kafkaHandlers() makes, shows, lists, changes and deletes a topic', async () => {
  await using world = await openHandlers()
  const created = await world.call('createTopic', { body: { topic_name: 'orders' } })
  assert.deepEqual(created, { status: 201, headers: { location: '/v1/kafka/topics/orders' }, body: shown })
  assert.deepEqual(await world.call('getTopic'), { status: 200, body: shown })
  const resources = [orders, { ...orders, id: 'gone' }]
  const listed = await world.call('listTopics', { resource: undefined, page: { resources } })
  assert.deepEqual(listed, { status: 200, body: { data: [shown] } })
  const changed = await world.call('changeTopic', { body: { visibility: 'public', partitions_count: 2 } })
  assert.deepEqual(changed.body, { ...shown, visibility: 'public', partitions_count: 2 })
  assert.deepEqual(world.wishes, ['public'])
  assert.deepEqual(await world.call('deleteTopic'), { status: 204 })
  await assert.rejects(
    world.call('getTopic'),
    (error) => error instanceof PopError && error.code === 'resource-not-found',
  )
})

test('kafkaHandlers() gives records back as they were produced', async () => {
  await using world = await openHandlers()
  await world.call('createTopic', { body: { topic_name: 'orders' } })
  const produced = await world.call('produceRecords', { body: { records: [text('a'), { ...text('b'), key: 'k' }] } })
  assert.deepEqual(produced, {
    status: 200,
    body: {
      data: [
        { partition_id: 0, offset: 0 },
        { partition_id: 0, offset: 1 },
      ],
    },
  })
  const consumed = await world.call('consumeRecords', { query: { partition_id: 0, offset: 1, limit: 100 } })
  const timestamp = '1970-01-01T00:00:00.000Z'
  assert.deepEqual(consumed.body, {
    data: [{ partition_id: 0, offset: 1, timestamp, key: 'k', value: { type: 'STRING', data: 'b' }, headers: [] }],
    next_offset: 2,
  })
})

test('kafkaHandlers() takes values up to 128 KiB, and gives pages that an answer can hold', async () => {
  await using world = await openHandlers()
  await world.call('createTopic', { body: { topic_name: 'orders' } })
  const most = 'x'.repeat(128 * 1024)
  for (let count = 0; count < 3; count++) await world.call('produceRecords', { body: { records: [text(most)] } })
  await assert.rejects(
    world.call('produceRecords', { body: { records: [text('a'), text(`${most}x`)] } }),
    (error) => error instanceof PopError && error.code === 'record-too-large' && error.status === 413,
  )
  const { body } = await world.call('consumeRecords', { query: { partition_id: 0, offset: 0, limit: 1000 } })
  assert.ok(Buffer.byteLength(JSON.stringify(body)) <= 256 * 1024)
  assert.match(JSON.stringify(body), /"next_offset":1\}$/)
})

test('kafkaHandlers() gives a page of a hundred of the largest topics that an answer can hold', async () => {
  await using world = await openHandlers()
  const configs = { 'retention.ms': 'x'.repeat(1024), 'segment.ms': 'x'.repeat(1024 - 35) }
  assert.equal(JSON.stringify(configs).length, 2048)
  const owner = 'user:00000000-0000-4000-8000-000000000000'
  const resources: Resource[] = []
  for (let count = 100; count < 200; count++) {
    const resource = { kind: 'topic', id: `${count}${'t'.repeat(246)}`, owner, visibility: 'private' } as const
    resources.push(resource)
    const body = { topic_name: resource.id, partitions_count: 1024, replication_factor: 16, configs }
    await world.call('createTopic', { resource, body })
  }
  const { body } = await world.call('listTopics', { resource: undefined, page: { resources } })
  // The handler of `listTopics` answers with this member alone.
  const { data } = body as { readonly data: readonly object[] }
  assert.equal(data.length, 100)
  const next_page_token = Buffer.from(resources[99]?.id ?? '').toString('base64url')
  assert.ok(Buffer.byteLength(JSON.stringify({ data, next_page_token })) <= 256 * 1024)
})

test('defineKafkaService() serves every operation of its manifest', async () => {
  await using world = await openHandlers()
  const { manifest, exists } = defineKafkaService(world.driver)
  assert.deepEqual(
    manifest.operations.map(({ id }) => id),
    [
      'POST /topics',
      'GET /topics',
      'GET /topics/{topic}',
      'PATCH /topics/{topic}',
      'DELETE /topics/{topic}',
      'POST /topics/{topic}/records',
      'GET /topics/{topic}/records',
    ],
  )
  await world.call('createTopic', { body: { topic_name: 'orders' } })
  assert.deepEqual([await exists('topic', 'orders'), await exists('topic', 'other')], [true, false])
})

const valid = { topic_name: 'orders', partitions_count: 3, configs: { 'retention.ms': '1' }, visibility: 'public' }
const bodies: readonly (readonly [boolean, 'POST' | 'PATCH', string, unknown])[] = [
  [true, 'POST', '/topics', valid],
  [false, 'POST', '/topics', { ...valid, topic_name: '../x' }],
  [false, 'POST', '/topics', { ...valid, topic_name: undefined }],
  [false, 'POST', '/topics', { ...valid, owner: 'user:eve' }],
  [false, 'POST', '/topics', { ...valid, partitions_count: 0 }],
  [false, 'POST', '/topics', { ...valid, visibility: 'secret' }],
  [true, 'POST', '/topics', { ...valid, configs: { 'min.insync.replicas': '2', [`k${'e'.repeat(127)}`]: '' } }],
  [false, 'POST', '/topics', { ...valid, configs: { [`k${'e'.repeat(128)}`]: '' } }],
  [false, 'POST', '/topics', { ...valid, configs: { '': '1' } }],
  [false, 'POST', '/topics', { ...valid, configs: { 'Retention ms': '1' } }],
  [false, 'POST', '/topics', { ...valid, configs: { 'a\nb': '1' } }],
  [true, 'PATCH', '/topics/orders', { visibility: 'private' }],
  [false, 'PATCH', '/topics/orders', { configs: { [`k${'e'.repeat(128)}`]: '' } }],
  [false, 'PATCH', '/topics/orders', {}],
  [false, 'PATCH', '/topics/orders', { topic_name: 'other' }],
  [true, 'POST', '/topics/orders/records', { records: [text('a')] }],
  [
    true,
    'POST',
    '/topics/orders/records',
    { records: [{ value: { type: 'JSON', data: null }, key: 'k', headers: [] }] },
  ],
  [true, 'POST', '/topics/orders/records', { records: [{ value: { type: 'BINARY', data: 'AAE=' } }] }],
  [false, 'POST', '/topics/orders/records', { records: [{ value: { type: 'BINARY', data: 'AAE' } }] }],
  [false, 'POST', '/topics/orders/records', { records: [{ value: { type: 'STRING', data: 1 } }] }],
  [false, 'POST', '/topics/orders/records', { records: [{ value: { type: 'XML', data: '' } }] }],
  [false, 'POST', '/topics/orders/records', { records: [{ value: { type: 'JSON' } }] }],
  [false, 'POST', '/topics/orders/records', { records: [] }],
  [false, 'POST', '/topics/orders/records', { records: [{ ...text('a'), partition_id: -1 }] }],
]

test('the manifest of kafka_service takes what it documents, and nothing else', async () => {
  await using world = await openHandlers()
  const { find } = defineKafkaService(world.driver)
  const validated = (method: string, path: string, query: readonly QueryPair[], json: unknown) => {
    const segments = `v1/kafka${path}`.split('/')
    const match = find(method, segments)
    assert.ok(match.kind === 'found')
    const body = json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(json))
    const target = { text: path, segments, query, repeated: [] }
    const headers = ['content-type', 'application/json']
    return match.value.validate({ parameters: match.parameters, target, headers, body })
  }
  for (const [accepted, method, path, json] of bodies) {
    const run = () => validated(method, path, [], json)
    if (accepted) assert.deepEqual(run().body, json)
    else assert.throws(run, (error) => error instanceof PopError && error.code === 'body-invalid', JSON.stringify(json))
  }
  const records = '/topics/orders/records'
  for (const json of [1e300, 2 ** 53, { a: [-(2 ** 53)] }, '\ud800', { '\udc00': 1 }]) {
    // What a record would be read back with is not what was sent, so that it is not taken.
    const run = () => validated('POST', records, [], { records: [{ value: { type: 'JSON', data: json } }] })
    assert.throws(run, (error) => error instanceof PopError && error.code === 'body-malformed' && error.status === 400)
  }
  assert.deepEqual(validated('GET', records, [], undefined).query, { partition_id: 0, offset: 0, limit: 100 })
  assert.equal(validated('GET', records, [{ name: 'limit', value: '1000' }], undefined).query['limit'], 1000)
  for (const value of ['1001', '0', '01', '1e2', '-1', ''])
    assert.throws(() => validated('GET', records, [{ name: 'limit', value }], undefined), PopError, value)
})

interface QueryPair {
  readonly name: string
  readonly value: string
}
