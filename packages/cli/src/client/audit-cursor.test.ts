import assert from 'node:assert/strict'
import { appendFile, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileLog, type AuditEvent } from '@pop-api/audit'
import { aroundPop } from '../commands/try-pop.ts'
import { auditLogs, openAuditCursor, type AuditCursor } from './audit-cursor.ts'

function event(resource: string): AuditEvent {
  return {
    timestamp: '2026-01-01T00:00:00.000Z',
    action: 'request',
    user: 'bob',
    service: 'gateway',
    resource_id: resource,
    ip_address: '::1',
    status: 'success',
  }
}

async function names(events: AsyncIterable<AuditEvent>): Promise<readonly string[]> {
  return (await Array.fromAsync(events)).map(({ resource_id }) => resource_id)
}

function openGateway(home: string): AuditCursor {
  return openAuditCursor({ name: 'gateway', process: 'gateway', folder: join(home, 'gateway', 'audit') })
}

test('openAuditCursor() gives what came since, across the files of a rotation', async () => {
  await using around = await aroundPop()
  const directory = join(around.folder, 'gateway', 'audit')
  await using log = await openFileLog({ directory, fileBytesMax: 1 })
  const cursor = openGateway(around.folder)
  assert.deepEqual(await names(cursor.next()), [])
  for (const resource of ['a', 'b', 'c']) await log.append(event(resource), 'written')
  assert.deepEqual(await names(cursor.next()), ['a', 'b', 'c'])
  assert.deepEqual(await names(cursor.next()), [])
  await log.append(event('d'), 'written')
  assert.deepEqual(await names(cursor.next()), ['d'])
})

test('openAuditCursor() waits for the end of a line, and leaves out what is no event', async () => {
  await using around = await aroundPop()
  const directory = join(around.folder, 'gateway', 'audit')
  const file = join(directory, '00000001.jsonl')
  await mkdir(directory, { recursive: true })
  const line = JSON.stringify(event('ä'.repeat(70_000)))
  await writeFile(file, `noise\n${JSON.stringify(event('a'))}\n${line}`)
  const cursor = openGateway(around.folder)
  assert.deepEqual(await names(cursor.next()), ['a'])
  await appendFile(file, '\n')
  assert.deepEqual(await names(cursor.next()), ['ä'.repeat(70_000)])
})

test('openAuditCursor() goes on after lines were taken back, and after its file is gone', async () => {
  await using around = await aroundPop()
  const directory = join(around.folder, 'gateway', 'audit')
  await mkdir(directory, { recursive: true })
  const file = (number: number): string => join(directory, `0000000${number}.jsonl`)
  await writeFile(file(1), `${JSON.stringify(event('a'))}\n`)
  const cursor = openGateway(around.folder)
  assert.deepEqual(await names(cursor.next()), ['a'])
  await truncate(file(1), 0)
  assert.deepEqual(await names(cursor.next()), [])
  await appendFile(file(1), `${JSON.stringify(event('b'))}\n`)
  assert.deepEqual(await names(cursor.next()), ['b'])
  await rm(file(1))
  await writeFile(file(2), `${JSON.stringify(event('c'))}\n`)
  assert.deepEqual(await names(cursor.next()), ['c'])
})

test('auditLogs() finds the logs of a home with what front doors refused, and none where there is no home', async () => {
  await using around = await aroundPop()
  const folder = (...names: readonly string[]): string => join(around.folder, ...names)
  for (const path of ['kafka_service/audit', 'gateway/audit', 'gateway/refusals', 'logs'])
    await mkdir(folder(path), { recursive: true })
  await writeFile(folder('ca.pem'), '')
  assert.deepEqual(await auditLogs(around.folder), [
    { name: 'gateway', process: 'gateway', folder: folder('gateway', 'audit') },
    { name: 'gateway refusals', process: 'gateway', folder: folder('gateway', 'refusals') },
    { name: 'kafka_service', process: 'kafka_service', folder: folder('kafka_service', 'audit') },
  ])
  assert.deepEqual(await auditLogs(folder('none')), [])
})
