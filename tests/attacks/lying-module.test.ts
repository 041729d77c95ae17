import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { createNonceSource, es256Seal, type SealIdentity } from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { enrolLiar, type Liar } from './liar.ts'

let pop: Pop
let token = ''
let liar: Liar
const nextNonce = createNonceSource(randomBytes(16))
const stack = new AsyncDisposableStack()

before(async () => {
  pop = await startPop({})
  token = await pop.token('alice')
  liar = stack.use(await enrolLiar(pop))
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

interface Answer {
  readonly status?: number
  readonly headers?: readonly string[]
  readonly body?: string
  readonly nonce?: string
  readonly target?: string
  readonly method?: string
  readonly atMs?: number
  readonly identity?: SealIdentity
  readonly sentBody?: string
  readonly sentStatus?: number
  readonly change?: (fields: readonly string[]) => readonly string[]
}

function answer(told: Answer, request: IncomingMessage, response: ServerResponse): void {
  const { status = 200, headers = ['content-type', 'application/json'], body = '{"true":1}', atMs = Date.now() } = told
  const binding = {
    method: told.method ?? request.method ?? '',
    target: told.target ?? request.url ?? '',
    nonce: told.nonce ?? liar.nonceOf(request),
  }
  const moment = { nowMs: atMs, nonce: nextNonce() }
  const { headers: sealed } = es256Seal.sealAnswer(
    { status, headers, body: Buffer.from(body), binding },
    told.identity ?? liar.identity(),
    moment,
  )
  const sent = told.sentBody ?? body
  const fields = told.change?.(sealed) ?? sealed
  response.writeHead(told.sentStatus ?? status, [...fields, 'content-length', String(Buffer.byteLength(sent))])
  response.end(sent)
}

function honest(request: IncomingMessage, response: ServerResponse): void {
  answer({}, request, response)
}

function without(name: string): (fields: readonly string[]) => readonly string[] {
  return (fields) => fields.filter((_, index) => fields[index - (index % 2)] !== name)
}

const ask = (method = 'GET') => pop.call(token, method, '/v1/liar/thing')

test('the gateway takes an answer that is sealed for its request: those below differ from it in one thing each', async () => {
  liar.answerWith(honest)
  const { status, body } = await ask()
  assert.equal(status, 200)
  assert.deepEqual(body, { true: 1 })
})

type Lie = (request: IncomingMessage, response: ServerResponse) => void

let earlier = ''
const problem = (code: string): string => JSON.stringify({ code, status: 400, title: 'no', detail: 'internal detail' })
const lies: readonly (readonly [string, Lie | Answer])[] = [
  ['an unsigned 200', (_request, response) => void response.end('{"true":1}')],
  ['no signature', { change: without('signature') }],
  ['no workload token', { change: without('workload-identity-token') }],
  ['a seal for an earlier request', (request, response) => answer({ nonce: earlier }, request, response)],
  ['a seal for another target', { target: '/v1/liar/other' }],
  ['a seal for another method', { method: 'POST' }],
  ['a seal of two minutes ago', { atMs: Date.now() - 120_000 }],
  ['a seal of a minute ahead', { atMs: Date.now() + 60_000 }],
  ['the seal of another module', (request, response) => answer({ identity: liar.otherIdentity() }, request, response)],
  ['another body', { sentBody: '{"true":2}' }],
  ['a body behind a seal without one', { body: '', sentBody: '{"true":2}' }],
  ['half a body', { sentBody: '{"tr' }],
  ['another status', { sentStatus: 201 }],
  ['a field that nobody sealed', { change: (fields) => [...fields, 'location', 'https://elsewhere'] }],
  ['a cookie that nobody sealed', { change: (fields) => [...fields, 'set-cookie', 'a=b'] }],
  ['a second seal', { change: (fields) => [...fields, 'signature', 'wimse=:AAAA:'] }],
  [
    'a refusal of our seal',
    { status: 400, headers: ['content-type', 'application/problem+json'], body: problem('seal-invalid') },
  ],
  ['a body above the limit', { body: 'x'.repeat(300_000) }],
]
for (const [name, told] of lies) {
  test(`the gateway answers 502 to ${name}, tells nothing of it and records it`, async () => {
    liar.answerWith((request, response) => {
      earlier = liar.nonceOf(request)
      honest(request, response)
    })
    assert.equal((await ask()).status, 200)
    liar.answerWith(typeof told === 'function' ? told : (request, response) => answer(told, request, response))
    const { status, body, headers } = await ask()
    assert.equal(status, 502, JSON.stringify(body))
    assert.equal(body['code'], 'answer-unverified')
    assert.doesNotMatch(JSON.stringify(body), /true|seal|internal detail/)
    assert.equal(headers['set-cookie'], undefined)
    const [event] = await pop.audit('gateway', { request_id: String(headers['x-request-id']) })
    assert.equal(event?.status, 'failure')
    assert.equal(event?.reason, 'answer-unverified')
  })
}

test('a request that the module asks to seal anew is sealed anew once, and no more', async () => {
  const before = liar.requests()
  const headers = ['content-type', 'application/problem+json']
  liar.answerWith((request, response) =>
    answer({ status: 400, headers, body: JSON.stringify({ code: 'retry-seal', boot: 'another' }) }, request, response),
  )
  assert.equal((await ask()).status, 502)
  assert.equal(liar.requests() - before, 2)
})

test('a sealed field that the manifest does not declare stays inside', async () => {
  liar.answerWith((request, response) =>
    answer(
      { headers: ['content-type', 'application/json', 'x-internal', 'secret', 'server', 'liar/1'] },
      request,
      response,
    ),
  )
  const { status, headers } = await ask()
  assert.equal(status, 200)
  assert.equal(headers['x-internal'], undefined)
  assert.equal(headers['server'], undefined)
})

test('a module that says nothing is given up with 504, and the outcome of a change stays open in the log', async () => {
  await pop.changeSettings((settings) => ({ ...settings, limits: { ...settings.limits, module_silence_ms: 200 } }))
  liar.answerWith(() => undefined)
  const { status, body, headers } = await ask('POST')
  assert.equal(status, 504)
  assert.equal(body['code'], 'module-timeout')
  const events = await pop.audit('gateway', { request_id: String(headers['x-request-id']) })
  assert.deepEqual(
    events.map((event) => event.status),
    ['opened', 'failure'],
  )
})

test('a module that hangs up is 503, and the next request is served', async () => {
  liar.answerWith((request) => void request.socket.destroy())
  const cut = await ask()
  assert.equal(cut.status, 503)
  assert.equal(cut.headers['retry-after'], '1')
  liar.answerWith(honest)
  assert.equal((await ask()).status, 200)
})

test('an instance that is gone costs no request while another one lives', async () => {
  liar.answerWith(honest)
  await liar.enrolGone()
  while (pop.member.bulletin.section('modules')?.['liar']?.instances.length !== 2)
    await new Promise((resolve) => setTimeout(resolve, 5))
  for (let index = 0; index < 6; index++) assert.equal((await ask('POST')).status, 200)
})

test('nothing is sent to an address where another module listens', async () => {
  let reached = 0
  const address = await liar.serveAs(liar.other, (_request, response) => {
    reached++
    response.end()
  })
  await liar.report(address)
  assert.equal((await ask()).status, 503)
  assert.equal(reached, 0)
})
