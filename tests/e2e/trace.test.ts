import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { after, before, test } from 'node:test'
import { parseTraceParent } from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { enrolLiar, type Liar } from '../attacks/liar.ts'
import { kafka } from '../kafka.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const valid = `00-${traceId}-${spanId}-01`
let pop: Pop
let liar: Liar
let token = ''
const stack = new AsyncDisposableStack()

before(async () => {
  pop = await startPop({ modules: [kafka] })
  token = await pop.token('alice')
  liar = stack.use(await enrolLiar(pop))
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

/** The audit events of one request, of the gateway and of the module. */
async function eventsOf(fields: Readonly<Record<string, string>>) {
  const { status, headers } = await pop.call(token, 'GET', '/v1/kafka/topics', undefined, fields)
  assert.equal(status, 200)
  const request_id = String(headers['x-request-id'])
  const [atGateway] = await pop.audit('gateway', { request_id })
  const [atModule] = await pop.audit('kafka_service', { request_id })
  return { request_id, atGateway, atModule }
}

/** What a module is sent where a client sends these fields. */
async function sentFor(fields: Readonly<Record<string, string>>): Promise<IncomingHttpHeaders> {
  const { promise, resolve } = Promise.withResolvers<IncomingHttpHeaders>()
  liar.answerWith((request, response) => {
    resolve(request.headers)
    response.destroy()
  })
  await pop.call(token, 'GET', '/v1/liar/thing', undefined, fields)
  return promise
}

test('a trace that a client began goes on: one id in both logs, under which they are found', async () => {
  const { atGateway, atModule, request_id } = await eventsOf({ traceparent: valid })
  assert.deepEqual([atGateway?.trace, atModule?.trace], [traceId, traceId])
  for (const service of ['gateway', 'kafka_service'])
    assert.deepEqual(
      (await pop.audit(service, { trace: traceId })).map((event) => event.request_id),
      [request_id],
    )
})

test('no client chooses the id of a request by its trace', async () => {
  const ids = new Set<string>()
  for (let index = 0; index < 2; index++) {
    const { request_id } = await eventsOf({ traceparent: valid, 'x-request-id': traceId, 'pop-request': traceId })
    ids.add(request_id)
    assert.doesNotMatch(request_id, /4bf92f35|00f067aa/)
  }
  assert.equal(ids.size, 2)
})

test('without a trace, or with one that is not valid, the gateway begins one and refuses nothing', async () => {
  const ids = new Set<string>()
  for (const fields of [{}, { traceparent: '' }, { traceparent: `${valid}-more` }, { traceparent: 'x'.repeat(4000) }]) {
    const { atGateway, atModule } = await eventsOf(fields)
    assert.match(String(atGateway?.trace), /^[0-9a-f]{32}$/)
    assert.equal(atModule?.trace, atGateway?.trace)
    ids.add(String(atGateway?.trace))
  }
  assert.equal(ids.size, 4)
  assert.ok(!ids.has(traceId))
})

test('a refused request has its trace in the log too', async () => {
  const { headers, status } = await pop.call(undefined, 'GET', '/v1/kafka/topics', undefined, { traceparent: valid })
  assert.equal(status, 401)
  const [event] = await pop.audit('gateway', { request_id: String(headers['x-request-id']) })
  assert.equal(event?.trace, traceId)
})

test('the module is sent the trace under a span of the gateway, covered by the seal', async () => {
  const headers = await sentFor({ traceparent: valid })
  const sent = parseTraceParent(String(headers['traceparent']))
  assert.deepEqual([sent?.traceId, sent?.sampled], [traceId, true])
  assert.notEqual(sent?.spanId, spanId)
  assert.match(String(headers['signature-input']), /"traceparent"/)
})

test('of a trace nothing else reaches a module: no tracestate, no baggage, no flag or text that we do not know', async () => {
  const headers = await sentFor({
    traceparent: `cc-${traceId}-${spanId}-ff-secret`,
    tracestate: 'vendor=secret',
    baggage: 'user=secret',
  })
  assert.match(String(headers['traceparent']), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  assert.deepEqual([headers['tracestate'], headers['baggage']], [undefined, undefined])
  assert.doesNotMatch(JSON.stringify(headers), /secret/)
})

test('two traceparents are two readings, and refused like every field that is there twice', async () => {
  const answer = await pop.raw(
    `GET /v1/kafka/topics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
      `traceparent: ${valid}\r\ntraceparent: ${valid}\r\nConnection: close\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 400 [^]*"ambiguous-header"/)
})
