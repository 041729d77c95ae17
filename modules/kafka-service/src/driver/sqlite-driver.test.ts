import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { PopError } from '@pop-api/module'
import { openSqliteDriver } from './sqlite-driver.ts'
import type { NewRecord, PageOfRecords } from './topic-driver.ts'

const orders = {
  topic_name: 'orders',
  partitions_count: 3,
  replication_factor: 1,
  configs: { 'cleanup.policy': 'delete' },
}
const record = (data: unknown, more: Partial<NewRecord> = {}): NewRecord => ({ value: { type: 'JSON', data }, ...more })
const page = (more: Partial<PageOfRecords> = {}): PageOfRecords => ({
  partition_id: 0,
  offset: 0,
  limit: 100,
  bytesMax: 262_144,
  ...more,
})

async function storePath() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-topics-'))
  return { path: join(folder, 'topics.db'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

const withCode = (code: string) => (error: unknown) => error instanceof PopError && error.code === code

test('openSqliteDriver() makes, changes and removes topics', async () => {
  await using file = await storePath()
  using driver = openSqliteDriver(file.path, () => 0)
  assert.deepEqual(await driver.create(orders), orders)
  await assert.rejects(driver.create(orders), withCode('resource-exists'))
  assert.deepEqual(await driver.get('orders'), orders)
  const changed = await driver.change('orders', { partitions_count: 4, configs: { 'retention.ms': '1' } })
  assert.deepEqual(changed, {
    ...orders,
    partitions_count: 4,
    configs: { 'cleanup.policy': 'delete', 'retention.ms': '1' },
  })
  assert.deepEqual(await driver.get('orders'), changed)
  await assert.rejects(driver.change('orders', { partitions_count: 3 }), withCode('conflict'))
  await driver.append('orders', [record(1)])
  await driver.remove('orders')
  assert.equal(await driver.has('orders'), false)
  for (const attempt of [
    driver.get('orders'),
    driver.remove('orders'),
    driver.change('orders', {}),
    driver.append('orders', [record(1)]),
    driver.read('orders', page()),
  ])
    await assert.rejects(attempt, withCode('resource-not-found'))
  await driver.create(orders)
  assert.deepEqual((await driver.read('orders', page())).records, [])
})

/** Configs of so many bytes as JSON, in entries of at most 1000. */
function configsOf(bytes: number): Record<string, string> {
  const configs = { first: 'x'.repeat(1000), second: 'x'.repeat(bytes - 1000 - '{"first":"","second":""}'.length) }
  assert.equal(Buffer.byteLength(JSON.stringify(configs)), bytes)
  return configs
}

const numbered = (prefix: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, '']))

test('openSqliteDriver() bounds the configs of a topic, at its creation and when a change is merged', async () => {
  await using file = await storePath()
  using driver = openSqliteDriver(file.path, () => 0)
  const topic = (topic_name: string, configs: Record<string, string>) => ({ ...orders, topic_name, configs })
  for (const configs of [configsOf(2049), numbered('k', 33), { k: 'é'.repeat(1024) }]) {
    await assert.rejects(driver.create(topic('large', configs)), withCode('body-invalid'))
    assert.equal(await driver.has('large'), false)
  }
  await driver.create(topic('bytes', configsOf(2048)))
  await driver.create(topic('entries', numbered('k', 32)))
  for (const [name, change] of [
    ['bytes', { third: '' }],
    ['bytes', { first: 'x'.repeat(1001) }],
    ['entries', numbered('j', 1)],
  ] as const) {
    const before = await driver.get(name)
    await assert.rejects(driver.change(name, { partitions_count: 9, configs: change }), (error) => {
      assert.ok(error instanceof PopError && error.code === 'body-invalid' && error.status === 422)
      assert.match(error.message, /at most 32 entries and 2048 bytes/)
      return true
    })
    assert.deepEqual(await driver.get(name), before)
  }
  const shorter = await driver.change('bytes', { configs: { first: 'x', third: 'y' } })
  assert.deepEqual([shorter.configs['first'], shorter.configs['third']], ['x', 'y'])
  assert.equal((await driver.change('entries', { configs: { k0: 'v' } })).configs['k0'], 'v')
})

test('append() gives dense offsets, by key, by turn and as told', async () => {
  await using file = await storePath()
  using driver = openSqliteDriver(file.path, () => 0)
  await driver.create(orders)
  const told = await driver.append(
    'orders',
    [0, 0, 2, 0].map((id) => record(id, { partition_id: id })),
  )
  assert.deepEqual(
    told.map(({ partition_id: partition, offset }) => [partition, offset]),
    [
      [0, 0],
      [0, 1],
      [2, 0],
      [0, 2],
    ],
  )
  const keyed = await driver.append(
    'orders',
    Array.from({ length: 5 }, () => record(1, { key: 'k' })),
  )
  assert.equal(new Set(keyed.map(({ partition_id: partition }) => partition)).size, 1)
  const turns = [
    ...(await driver.append('orders', [record(1), record(2)])),
    ...(await driver.append('orders', [record(3), record(4)])),
  ]
  assert.deepEqual(
    turns.map(({ partition_id: partition }) => partition),
    [0, 1, 2, 0],
  )
})

test('append() takes all records or none', async () => {
  await using file = await storePath()
  using driver = openSqliteDriver(file.path, () => 0)
  await driver.create(orders)
  const batch = [record(1, { partition_id: 0 }), record(2, { partition_id: 3 })]
  await assert.rejects(driver.append('orders', batch), withCode('parameter-invalid'))
  assert.deepEqual((await driver.read('orders', page())).records, [])
  assert.deepEqual(await driver.append('orders', [record(1)]), [{ partition_id: 0, offset: 0 }])
})

test('read() ends a page at its limit and before its bytes, and goes on where it ended', async () => {
  await using file = await storePath()
  using driver = openSqliteDriver(file.path, () => 1_000)
  await driver.create({ ...orders, partitions_count: 1 })
  const headers = [{ name: 'h', value: 'v' }]
  await driver.append('orders', [record({ a: 1 }, { key: 'k', headers }), record('x'.repeat(1000)), record(null)])
  const first = await driver.read('orders', page({ limit: 1 }))
  assert.deepEqual(first, {
    records: [
      {
        partition_id: 0,
        offset: 0,
        timestamp: '1970-01-01T00:00:01.000Z',
        key: 'k',
        value: { type: 'JSON', data: { a: 1 } },
        headers,
      },
    ],
    nextOffset: 1,
  })
  const small = await driver.read('orders', page({ bytesMax: 500 }))
  assert.deepEqual([small.records.length, small.nextOffset], [1, 1])
  // One record always comes, however large: a reader never stands still.
  const large = await driver.read('orders', page({ offset: 1, bytesMax: 500 }))
  assert.deepEqual([large.records.length, large.nextOffset], [1, 2])
  assert.deepEqual(await driver.read('orders', page({ offset: 9 })), { records: [], nextOffset: 9 })
  await assert.rejects(driver.read('orders', page({ partition_id: 1 })), withCode('parameter-invalid'))
})

test('append() loses nothing that it acknowledged to a kill -9', async () => {
  await using file = await storePath()
  const script = `
    import { openSqliteDriver } from ${JSON.stringify(new URL('sqlite-driver.ts', import.meta.url).href)}
    const driver = openSqliteDriver(${JSON.stringify(file.path)}, Date.now)
    await driver.create(${JSON.stringify({ ...orders, partitions_count: 1 })})
    for (let count = 0; ; count += 2) {
      const value = (data) => ({ value: { type: 'JSON', data } })
      const places = await driver.append('orders', [value(count), value(count + 1)])
      console.log(places[1].offset)
    }`
  const options = ['--conditions=@pop-api/source', '--input-type=module', '-e', script]
  const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let acknowledged = -1
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line)
    if (acknowledged >= 100) child.kill('SIGKILL')
  }
  await ended
  assert.ok(acknowledged >= 100)
  using driver = openSqliteDriver(file.path, Date.now)
  const { records } = await driver.read('orders', page({ limit: 100_000, bytesMax: 100_000_000 }))
  assert.ok(records.length > acknowledged)
  assert.equal(records.length % 2, 0)
  records.forEach(({ offset, value }, index) => assert.deepEqual([offset, value.data], [index, index]))
})
