import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEvent, AuditLog } from '@pop-api/audit'
import { PopError } from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Progress } from '../progress.ts'
import { receive } from '../receive/receive.ts'
import { recordClosing, recordOpening, type Recorder } from './record.ts'

function world(level: 'full' | 'basic', append?: AuditLog['append']) {
  const events: { readonly event: AuditEvent; readonly until: string }[] = []
  const alarms: unknown[] = []
  const audit: AuditLog = {
    append:
      append ??
      (async (event, until) => {
        events.push({ event, until })
        return { file: 'a', end: 1 }
      }),
    read: () => assert.fail('nothing is read here'),
    [Symbol.asyncDispose]: async () => undefined,
  }
  const recording = { waiting: 0, lost: 0 }
  const alarm = (failure: unknown): void => void alarms.push(failure)
  const recorder: Recorder = { audit, level: () => level, alarm, recording, nowMs: () => 2000 }
  return { recorder, events, alarms, recording }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

function progress(method: string): Progress {
  const raw = {
    method,
    url: '/v1/x',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'a'],
    remoteAddress: '::1',
    crowded: false,
  }
  const received = receive(raw, { requestId: 'r', nowMs: 1000 })
  return { received, trace: { id: traceId, traceparent: '' }, beganMs: 0, stage: 'record', opened: false }
}

const answer = (status: number): Answer => ({ status, fields: [], body: Buffer.alloc(0) })
const unavailable = (error: unknown): boolean => error instanceof PopError && error.code === 'audit-unavailable'
const diskFull = () => Promise.reject(new Error('ENOSPC: no space left on device'))

test('recordOpening() announces a change durably, and a read not at all', async () => {
  const { recorder, events } = world('full')
  await recordOpening(progress('POST'), recorder)
  await recordOpening(progress('GET'), recorder)
  assert.deepEqual(
    events.map(({ event, until }) => [event.status, until]),
    [['opened', 'durable']],
  )
})

test('recordClosing() waits for the disk where something may have changed', async () => {
  const { recorder, events } = world('full')
  await recordClosing({ ...progress('POST'), opened: true }, answer(201), recorder)
  await recordClosing(progress('POST'), answer(403), recorder)
  await recordClosing(progress('GET'), answer(200), recorder)
  assert.deepEqual(
    events.map(({ event, until }) => [event.status, until, event.latency_ms, event.trace]),
    [
      ['success', 'durable', 1000, traceId],
      ['refused', 'written', 1000, traceId],
      ['success', 'written', 1000, traceId],
    ],
  )
})

test('recordClosing() leaves out at the level basic what was read without trouble, and nothing else', async () => {
  const { recorder, events } = world('basic')
  await recordClosing(progress('GET'), answer(200), recorder)
  await recordClosing(progress('GET'), answer(403), recorder)
  await recordClosing({ ...progress('POST'), opened: true }, answer(201), recorder)
  assert.deepEqual(
    events.map(({ event }) => event.code),
    [403, 201],
  )
})

test('with the disk full the level full lets nothing go on, and the level basic says so and goes on', async () => {
  const full = world('full', diskFull)
  await assert.rejects(async () => recordOpening(progress('POST'), full.recorder), unavailable)
  await assert.rejects(async () => recordClosing(progress('GET'), answer(200), full.recorder), unavailable)
  assert.equal(full.alarms.length, 2)
  const basic = world('basic', diskFull)
  await recordOpening(progress('POST'), basic.recorder)
  assert.equal(basic.alarms.length, 1)
  assert.deepEqual(
    [full.recording, basic.recording],
    [
      { waiting: 0, lost: 2 },
      { waiting: 0, lost: 1 },
    ],
  )
})

test('recordClosing() counts as waiting until the log has the event', async () => {
  const { promise, resolve } = Promise.withResolvers<{ file: string; end: number }>()
  const { recorder, recording } = world('full', () => promise)
  const closing = recordClosing(progress('GET'), answer(200), recorder)
  assert.deepEqual(recording, { waiting: 1, lost: 0 })
  resolve({ file: 'a', end: 1 })
  await closing
  assert.deepEqual(recording, { waiting: 0, lost: 0 })
})

test('a disk that does not answer is given up', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { recorder, alarms } = world('full', () => new Promise(() => undefined))
  const opening = recordOpening(progress('POST'), recorder)
  context.mock.timers.tick(2_000)
  await assert.rejects(async () => opening, unavailable)
  assert.equal(alarms.length, 1)
})
