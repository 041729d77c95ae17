import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import { parseTraceParent } from '@pop-api/protocol'
import { createTraces } from './traces.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const random = (bytes: Buffer): void => void randomFillSync(bytes)

test('createTraces() continues the trace of a valid field under a span of its own', () => {
  const traces = createTraces(random)
  for (const flags of ['00', '01']) {
    const { id, traceparent } = traces(`00-${traceId}-${spanId}-${flags}`)
    const sent = parseTraceParent(traceparent)
    assert.deepEqual([id, sent?.traceId, sent?.sampled], [traceId, traceId, flags === '01'])
    assert.notEqual(sent?.spanId, spanId)
  }
})

test('createTraces() lets no flag and no text pass that it does not know', () => {
  const { traceparent } = createTraces(random)(`cc-${traceId}-${spanId}-ff-secret`)
  assert.match(traceparent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
})

test('createTraces() begins an unsampled trace where there is no field, or an invalid one', () => {
  const traces = createTraces(random)
  for (const text of [undefined, '', 'nonsense', `00-${'0'.repeat(32)}-${spanId}-01`]) {
    const { id, traceparent } = traces(text)
    const sent = parseTraceParent(traceparent)
    assert.deepEqual([sent?.traceId, sent?.sampled], [id, false])
    assert.notEqual(id, traceId)
  }
})

test('createTraces() gives no id twice, also when the pool of randomness is filled anew', () => {
  let fills = 0
  const traces = createTraces((bytes) => {
    fills++
    random(bytes)
  })
  const ids = new Set<string>()
  for (let index = 0; index < 1000; index++) {
    const { id, traceparent } = traces(undefined)
    ids.add(id).add(parseTraceParent(traceparent)?.spanId ?? '')
  }
  assert.equal(ids.size, 2000)
  assert.ok(fills > 1 && fills < 10, String(fills))
})
