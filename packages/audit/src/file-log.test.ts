import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AuditEvent, AuditQuery } from './event.ts'
import { openFileLog } from './file-log.ts'
import { formatLine, printable } from './line.ts'
import { readAudit } from './read.ts'

function event(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    timestamp: '2026-01-01T00:00:00.000Z',
    action: 'resource_creation',
    user: 'bob',
    service: 'kafka_service',
    resource_id: 'orders',
    ip_address: '127.0.0.1',
    status: 'success',
    ...changes,
  }
}

async function folder(): Promise<{ readonly path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'pop-audit-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

async function all(directory: string, query: AuditQuery = {}): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const found of readAudit(directory, query)) events.push(found)
  return events
}

test('openFileLog() keeps the order of appends and gives them back', async () => {
  await using home = await folder()
  {
    await using log = await openFileLog({ directory: home.path })
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        log.append(event({ resource_id: String(index) }), index % 2 === 0 ? 'durable' : 'written'),
      ),
    )
  }
  const events = await all(home.path)
  assert.deepEqual(
    events.map((found) => found.resource_id),
    Array.from({ length: 100 }, (_, index) => String(index)),
  )
})

test('openFileLog() makes files that only their owner reads', async () => {
  await using home = await folder()
  await using log = await openFileLog({ directory: join(home.path, 'audit') })
  const receipt = await log.append(event(), 'durable')
  assert.equal((await stat(join(home.path, 'audit', receipt.file))).mode & 0o777, 0o600)
  assert.equal((await stat(join(home.path, 'audit'))).mode & 0o777, 0o700)
})

test('openFileLog() cuts off a torn last line and goes on behind the last whole one', async () => {
  await using home = await folder()
  let file = ''
  {
    await using log = await openFileLog({ directory: home.path })
    file = join(home.path, (await log.append(event({ resource_id: 'whole' }), 'durable')).file)
  }
  await appendFile(file, '{"timestamp":"torn')
  {
    await using log = await openFileLog({ directory: home.path })
    await log.append(event({ resource_id: 'next' }), 'durable')
  }
  assert.deepEqual(
    (await all(home.path)).map((found) => found.resource_id),
    ['whole', 'next'],
  )
})

test('openFileLog() begins another file above the size and reads both in order', async () => {
  await using home = await folder()
  await using log = await openFileLog({ directory: home.path, fileBytesMax: 300 })
  const receipts = []
  for (let index = 0; index < 6; index++)
    receipts.push(await log.append(event({ resource_id: String(index) }), 'written'))
  assert.ok(new Set(receipts.map((receipt) => receipt.file)).size > 1)
  assert.deepEqual(
    (await all(home.path)).map((found) => found.resource_id),
    ['0', '1', '2', '3', '4', '5'],
  )
})

test('openFileLog() keeps so many files as it was told, and all of them when it was told nothing', async () => {
  for (const [options, files] of [
    [{ filesMax: 2 }, 2],
    [{}, 5],
  ] as const) {
    await using home = await folder()
    await using log = await openFileLog({ directory: home.path, fileBytesMax: 1, ...options })
    for (const id of ['a', 'b', 'c', 'd', 'e']) await log.append(event({ resource_id: id }), 'written')
    const kept = await readdir(home.path)
    assert.equal(kept.length, files)
    assert.ok(kept.includes('00000005.jsonl'), String(kept))
  }
})

test('append() rejects after the log was closed', async () => {
  await using home = await folder()
  const log = await openFileLog({ directory: home.path })
  await log[Symbol.asyncDispose]()
  await assert.rejects(log.append(event(), 'written'), /closed/)
})

test('readAudit() gives what matches, and nothing else', async () => {
  await using home = await folder()
  await using log = await openFileLog({ directory: home.path })
  await log.append(event({ request_id: 'one', subject: 'user:1' }), 'written')
  await log.append(event({ request_id: 'two', user: 'carol', service: 'gateway' }), 'written')
  assert.deepEqual((await all(home.path, { request_id: 'one' })).length, 1)
  assert.deepEqual((await all(home.path, { user: 'user:1' })).length, 1)
  assert.deepEqual((await all(home.path, { service: 'gateway', user: 'bob' })).length, 0)
  assert.deepEqual(await all(join(home.path, 'absent')), [])
})

test('formatLine() keeps an event on one plain line whatever its texts hold', () => {
  const hostile = 'a\r\nb\u001b[31m\u202e\u2028\u0085c'
  const line = formatLine(event({ user: hostile }))
  assert.match(line, /^[\u0020-\u007e]*\n$/)
  assert.equal(JSON.parse(line).user, hostile)
  assert.match(printable(hostile), /^[\u0020-\u007e]*$/)
  assert.ok(formatLine(event({ reason: 'x'.repeat(10_000) })).length < 3000)
})
