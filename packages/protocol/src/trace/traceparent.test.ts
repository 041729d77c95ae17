import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceParent, parseTraceParent, traceIdOf } from './traceparent.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

test('parseTraceParent() reads version 00, and a later one as far as 00 goes', () => {
  assert.deepEqual(parseTraceParent(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true })
  assert.deepEqual(parseTraceParent(`00-${traceId}-${spanId}-00`), { traceId, spanId, sampled: false })
  assert.deepEqual(parseTraceParent(`00-${traceId}-${spanId}-fe`), { traceId, spanId, sampled: false })
  assert.deepEqual(parseTraceParent(`cc-${traceId}-${spanId}-03`), { traceId, spanId, sampled: true })
  assert.deepEqual(parseTraceParent(`cc-${traceId}-${spanId}-01-what-comes-then`), { traceId, spanId, sampled: true })
})

for (const text of [
  '',
  '00',
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-1`,
  `00-${traceId}-${spanId}-001`,
  `00-${traceId}-${spanId}-01-more`,
  `00-${traceId}-${spanId}-01-`,
  `cc-${traceId}-${spanId}-01.more`,
  `ff-${traceId}-${spanId}-01`,
  `0-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${traceId.slice(1)}-${spanId}-01`,
  `00-${traceId}0-${spanId}-01`,
  `00-${traceId.replace('4', 'g')}-${spanId}-01`,
  ` 00-${traceId}-${spanId}-01`,
  `00-${traceId}-${spanId}-01 `,
  `00-${traceId}-${spanId}-01\n`,
  `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
]) {
  test(`parseTraceParent() takes ${JSON.stringify(text)} for none`, () => {
    assert.equal(parseTraceParent(text), undefined)
  })
}

test('formatTraceParent() writes what parseTraceParent() reads', () => {
  for (const sampled of [true, false])
    assert.deepEqual(parseTraceParent(formatTraceParent({ traceId, spanId, sampled })), { traceId, spanId, sampled })
})

test('traceIdOf() finds the trace among the fields of a message, and none where there is none', () => {
  assert.equal(traceIdOf(['accept', 'traceparent', 'traceparent', `00-${traceId}-${spanId}-01`]), traceId)
  assert.equal(traceIdOf(['accept', 'traceparent', 'range', `00-${traceId}-${spanId}-01`]), undefined)
  assert.equal(traceIdOf(['traceparent', 'none']), undefined)
  assert.equal(traceIdOf([]), undefined)
})
