import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEvent } from '@pop-api/audit'
import type { Answer, StreamedBody } from './answer.ts'
import { isStreamed } from './answer.ts'
import { handle, type Gate } from './handle.ts'
import { createMetrics } from './metrics/metrics.ts'
import { receive } from './receive/receive.ts'
import type { OpenOperation } from './serve/operation.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

interface World {
  /** What the one operation answers. */
  readonly answer?: Answer
  readonly append?: () => Promise<unknown>
  readonly draining?: boolean
  readonly strangerFits?: boolean
}

/** A gate with one open operation, `POST /open`, whose log a test can break. The stages behind it are never reached. */
function world({ answer, append, draining = false, strangerFits = true }: World = {}) {
  const events: AuditEvent[] = []
  const failures: unknown[] = []
  const metrics = createMetrics({ startedMs: 0, ticksMs: () => 0, bulletinAgeMs: () => 0, modules: () => undefined })
  const operation: OpenOperation = {
    kind: 'open',
    method: 'POST',
    path: '/open',
    summary: '',
    action: 'opened_door',
    serve: () => answer ?? { status: 200, fields: [], body: Buffer.from('ok') },
  }
  const never = (): never => assert.fail('no request comes so far here')
  const gate: Gate = {
    admission: { draining: () => draining, limitNetwork: () => undefined },
    routes: () => (_method, segments) =>
      segments[0] === 'open' ? { kind: 'found', value: operation, parameters: {} } : { kind: 'none' },
    get authenticator() {
      return never()
    },
    permitRules: never,
    limit: never,
    limitSignIn: () => undefined,
    bodyBytesMax: never,
    strangerFits: () => strangerFits,
    get dresser() {
      return never()
    },
    get modules() {
      return never()
    },
    recorder: {
      audit: {
        append: async (event) => {
          await append?.()
          events.push(event)
          return { file: 'a', end: 1 }
        },
        read: never,
        [Symbol.asyncDispose]: async () => undefined,
      },
      level: () => 'full',
      alarm: (failure) => failures.push(failure),
      recording: metrics.recording,
      nowMs: () => 1000,
    },
    traces: () => ({ id: traceId, traceparent: '' }),
    metrics,
    failed: (_requestId, failure) => failures.push(failure),
  }
  return {
    events,
    failures,
    ask: (url: string) => {
      const raw = { method: 'POST', url, httpVersion: '1.1', rawHeaders: ['Host', 'a'] }
      const received = receive({ ...raw, remoteAddress: '::1', crowded: false }, { requestId: 'r', nowMs: 0 })
      return handle(received, { collect: async () => Buffer.alloc(0), follow: () => undefined }, gate)
    },
    counts: async () => {
      const { requests, refusals } = await metrics.json()
      return [
        ...requests.map(({ operation: name, status, count }) => `${name} ${status}: ${count}`),
        ...refusals.map(({ stage, code, count }) => `${stage} ${code}: ${count}`),
      ]
    },
  }
}

const diskFull = () => Promise.reject(new Error('ENOSPC: no space left on device'))

test('handle() counts an answer once it is recorded, with its trace', async () => {
  const { ask, counts, events } = world()
  assert.equal((await ask('/open')).status, 200)
  assert.deepEqual(await counts(), ['POST /open 200: 1'])
  assert.deepEqual(
    events.map(({ action, trace }) => [action, trace]),
    [['opened_door', traceId]],
  )
})

test('handle() counts what could not be recorded as that alone: it is what the client was told', async () => {
  const success = world({ append: diskFull })
  assert.equal((await success.ask('/open')).status, 503)
  assert.deepEqual(await success.counts(), ['POST /open 503: 1', 'record audit-unavailable: 1'])
  const refusal = world({ append: diskFull })
  assert.equal((await refusal.ask('/nowhere')).status, 503)
  assert.deepEqual(await refusal.counts(), ['none 503: 1', 'record audit-unavailable: 1'])
})

test('handle() counts what the door has to tell, by the stage that refused', async () => {
  const draining = world({ draining: true })
  await assert.rejects(draining.ask('/open'), { code: 'draining' })
  assert.deepEqual(await draining.counts(), ['admit draining: 1'])
  const crowd = world({ strangerFits: false })
  await assert.rejects(crowd.ask('/nowhere'), { code: 'no-such-operation' })
  assert.deepEqual(await crowd.counts(), ['route no-such-operation: 1'])
  assert.deepEqual([draining.events, crowd.events], [[], []])
})

/** An answer of two pieces, the second of which is held back to the end. */
function streamed(finish: () => Promise<Uint8Array> = async () => Buffer.from('b')): Answer {
  const pieces = (async function* () {
    yield Buffer.from('a')
  })()
  return { status: 200, fields: [], body: { pieces, finish, abandon: async () => undefined } }
}

function bodyOf(answer: Answer): StreamedBody {
  return isStreamed(answer) ? answer.body : assert.fail('the answer is whole')
}

test('handle() counts a streamed answer at its end', async () => {
  const { ask, counts, events } = world({ answer: streamed() })
  const body = bodyOf(await ask('/open'))
  assert.deepEqual([await counts(), events], [[], []])
  await body.finish()
  assert.deepEqual(await counts(), ['POST /open 200: 1'])
})

test('handle() counts and records a streamed answer once, also where the client leaves before its last byte', async () => {
  const { ask, counts, events } = world({ answer: streamed() })
  const body = bodyOf(await ask('/open'))
  await body.finish()
  await body.abandon(new Error('gone'))
  assert.deepEqual(await counts(), ['POST /open 200: 1'])
  assert.equal(events.length, 1)
})

test('handle() counts a stream that broke by why it broke', async () => {
  const broken = world({ answer: streamed() })
  await bodyOf(await broken.ask('/open')).abandon(new Error('inner'))
  assert.deepEqual(await broken.counts(), ['POST /open 500: 1', 'serve internal: 1'])
  const unrecorded = world({ answer: streamed(), append: diskFull })
  const body = bodyOf(await unrecorded.ask('/open'))
  const failure: unknown = await body.finish().catch((error: unknown) => error)
  await body.abandon(failure)
  assert.deepEqual(await unrecorded.counts(), ['POST /open 503: 1', 'record audit-unavailable: 1'])
})
