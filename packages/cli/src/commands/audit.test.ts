import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openFileLog, type AuditEvent } from '@pop-api/audit'
import { aroundPop, type Around } from './try-pop.ts'

const program = new URL('../../bin/pop.ts', import.meta.url).pathname

function event(second: number, change: Partial<AuditEvent> = {}): AuditEvent {
  return {
    timestamp: `2026-01-01T00:00:0${second}.000Z`,
    action: 'resource_read',
    user: 'alice',
    service: 'kafka_service',
    resource_id: 'orders',
    ip_address: '::1',
    status: 'success',
    request_id: `r-${second}`,
    ...change,
  }
}

const openLog = (around: Around, name: string, fileBytesMax?: number) =>
  openFileLog({
    directory: join(around.folder, 'home', name, 'audit'),
    ...(fileBytesMax === undefined ? {} : { fileBytesMax }),
  })

test('pop audit tail puts the logs of all processes in the order of time', async () => {
  await using around = await aroundPop()
  await using gateway = await openLog(around, 'gateway')
  await using kafka = await openLog(around, 'kafka_service')
  await gateway.append(event(1, { code: 200, latency_ms: 3.4 }), 'written')
  await gateway.append(event(3, { user: 'b\u001b[31mob', status: 'refused', code: 403, count: 2 }), 'written')
  await kafka.append(event(2), 'written')
  const { code, stdout } = await around.pop(['audit', 'tail'])
  assert.equal(code, 0)
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  assert.deepEqual(rows, [
    ['TIME', 'LOG', 'SERVICE', 'USER', 'ACTION', 'RESOURCE', 'STATUS', 'MS', 'REQUEST'],
    [
      '2026-01-01T00:00:01.000Z',
      'gateway',
      'kafka_service',
      'alice',
      'resource_read',
      'orders',
      'success 200',
      '3',
      'r-1',
    ],
    [
      '2026-01-01T00:00:02.000Z',
      'kafka_service',
      'kafka_service',
      'alice',
      'resource_read',
      'orders',
      'success',
      '-',
      'r-2',
    ],
    [
      '2026-01-01T00:00:03.000Z',
      'gateway',
      'kafka_service',
      'b\\u001b[31mob',
      'resource_read',
      'orders',
      'refused 403 ×2',
      '-',
      'r-3',
    ],
  ])
})

test('pop audit tail chooses by service, user, request and transaction, and the last of them', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  const changes = [{}, { service: 'gateway' }, { user: 'bob', subject: 'user:7' }, { txn: 't' }, {}]
  for (const [index, change] of changes.entries()) await log.append(event(index, change), 'written')
  const requests = async (words: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await around.pop(['audit', 'tail', '--json', ...words])
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).request_id)
  }
  assert.deepEqual(await requests([]), ['r-0', 'r-1', 'r-2', 'r-3', 'r-4'])
  assert.deepEqual(await requests(['-n', '2']), ['r-3', 'r-4'])
  assert.deepEqual(await requests(['-n', '0']), [])
  assert.deepEqual(await requests(['--service', 'gateway']), ['r-1'])
  assert.deepEqual(await requests(['--user', 'bob']), ['r-2'])
  assert.deepEqual(await requests(['--user', 'user:7']), ['r-2'])
  assert.deepEqual(await requests(['--txn', 't']), ['r-3'])
  assert.deepEqual(await requests(['--request', 'r-4', '--user', 'alice']), ['r-4'])
  assert.deepEqual(await requests(['--request', 'r-4', '--user', 'bob']), [])
})

test('pop audit tail says that there are no logs, and refuses a count that is none', async () => {
  await using around = await aroundPop()
  const none = await around.pop(['audit', 'tail'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /there are no audit logs in .+home: start with `pop up`/)
  assert.equal((await around.pop(['audit', 'tail', '-n', '-1'])).code, 2)
})

function startTail(around: Around, words: readonly string[]) {
  const { PATH, NODE_OPTIONS } = process.env
  const child = spawn(process.execPath, [program, 'audit', 'tail', '--json', '--follow', ...words], {
    env: { ...around.environment, PATH, NODE_OPTIONS },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

test('pop audit tail --follow goes on over rotations and new logs until Ctrl-C, and then exits with 0', async () => {
  await using around = await aroundPop()
  await mkdir(join(around.folder, 'home'))
  await using log = await openLog(around, 'gateway', 1)
  await log.append(event(0), 'written')
  const { child, lines } = startTail(around, [])
  const next = async (): Promise<string> => JSON.parse(String((await lines.next()).value)).request_id
  assert.equal(await next(), 'r-0')
  await log.append(event(1), 'written')
  assert.equal(await next(), 'r-1')
  await log.append(event(2), 'written')
  assert.equal(await next(), 'r-2')
  await using kafka = await openLog(around, 'kafka_service')
  await kafka.append(event(3), 'written')
  assert.equal(await next(), 'r-3')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('pop audit tail --follow ends quietly when nobody reads any more', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  await log.append(event(0), 'written')
  const { child, lines } = startTail(around, [])
  await lines.next()
  child.stdout.destroy()
  await log.append(event(1), 'written')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
