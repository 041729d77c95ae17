import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileLog, readAudit, type AuditEvent, type AuditLog } from '@pop-api/audit'
import { PopError } from '@pop-api/protocol'
import { countRefusals, type RefusalCounter } from './refusals.ts'

async function counted(work: (counter: RefusalCounter) => void): Promise<AuditEvent[]> {
  const directory = await mkdtemp(join(tmpdir(), 'pop-refusals-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(directory, { recursive: true }))
  const audit = stack.use(await openFileLog({ directory }))
  const alarm = (failure: unknown): never => assert.fail(String(failure))
  const recording = { waiting: 0, lost: 0 }
  {
    await using counter = countRefusals({ audit, nowMs: () => 1_800_000_000_000, alarm, recording })
    work(counter)
  }
  assert.equal(recording.lost, 0)
  return Array.fromAsync(readAudit(directory))
}

const error = new PopError('malformed-request', 'no')

test('countRefusals() writes one event for each address and reason, with the count', async () => {
  const events = await counted(({ count }) => {
    for (let index = 0; index < 50; index++) count({ requestId: `r${index}`, address: '192.0.2.1', error })
    count({ requestId: 'other', address: '192.0.2.2', error })
    count({ requestId: 'target', address: '192.0.2.1', error: new PopError('ambiguous-target', 'no') })
  })
  assert.deepEqual(
    events.map(({ request_id: id, ip_address: address, reason, count, code }) => [id, address, reason, count, code]),
    [
      ['r0', '192.0.2.1', 'malformed-request', 50, 400],
      ['other', '192.0.2.2', 'malformed-request', 1, 400],
      ['target', '192.0.2.1', 'ambiguous-target', 1, 400],
    ],
  )
})

test('countRefusals() writes a bounded number of events, whoever asks from wherever, and loses no count', async () => {
  const events = await counted(({ count }) => {
    for (let index = 0; index < 5000; index++)
      count({ requestId: 'r', address: `10.0.${index >> 8}.${index & 255}`, error })
  })
  assert.equal(events.length, 1001)
  assert.equal(events.at(-1)?.ip_address, '*')
  assert.equal(
    events.reduce((sum, { count = 0 }) => sum + count, 0),
    5000,
  )
})

test('countRefusals() says that it could not write, and counts it', async () => {
  const alarms: unknown[] = []
  const recording = { waiting: 0, lost: 0 }
  const audit: AuditLog = {
    append: () => Promise.reject(new Error('ENOSPC: no space left on device')),
    read: () => assert.fail('nothing is read here'),
    [Symbol.asyncDispose]: async () => undefined,
  }
  {
    const alarm = (failure: unknown): void => void alarms.push(failure)
    await using counter = countRefusals({ audit, nowMs: () => 1_800_000_000_000, alarm, recording })
    counter.count({ requestId: 'r', address: '192.0.2.1', error })
  }
  assert.deepEqual([alarms.length, recording.lost], [1, 1])
})
