import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createNonceSource, es256Seal } from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { enrolLiar, type Liar } from '../attacks/liar.ts'

// What the metrics say of a module that does wrong, or is not there.

let pop: Pop
let liar: Liar
let token = ''
const stack = new AsyncDisposableStack()
const nextNonce = createNonceSource(randomBytes(16))

before(async () => {
  pop = await startPop({})
  token = await pop.token('alice')
  liar = stack.use(await enrolLiar(pop))
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

/** Answers under a seal, of now unless told. */
function answer(response: ServerResponse, request: IncomingMessage, status: number, text: string, atMs = Date.now()) {
  const { method = '', url: target = '' } = request
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  const sealed = es256Seal.sealAnswer(
    {
      status,
      headers: ['content-type', type],
      body: Buffer.from(text),
      binding: { method, target, nonce: liar.nonceOf(request) },
    },
    liar.identity(),
    { nowMs: atMs, nonce: nextNonce() },
  )
  response.writeHead(status, [...sealed.headers, 'content-length', String(text.length)])
  response.end(text)
}

async function lines(): Promise<readonly string[]> {
  return (await (await fetch(`${pop.operations}/metrics`)).text()).split('\n')
}

/** The value of a series; 0 where there is none. */
async function valueOf(name: string): Promise<number> {
  return Number((await lines()).find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? 0)
}

const named = 'service="liar",service_instance="1"'
const ask = () => pop.call(token, 'GET', '/v1/liar/thing')
const problem = (code: string): string => JSON.stringify({ code, status: 400 })

const failures: readonly (readonly [
  what: string,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  status: number,
  counts: readonly string[],
])[] = [
  [
    'an answer without a seal',
    (_request, response) => void response.end('{}'),
    502,
    [
      'pop_seal_failures_total{service="liar",side="answer",reason="seal-missing"}',
      `pop_upstream_failures_total{${named},reason="answer-unverified"}`,
      'pop_refusals_total{stage="forward",code="answer-unverified"}',
    ],
  ],
  [
    'an answer of long ago',
    (request, response) => answer(response, request, 200, '{}', Date.now() - 120_000),
    502,
    [
      'pop_seal_failures_total{service="liar",side="answer",reason="seal-expired"}',
      `pop_upstream_failures_total{${named},reason="answer-unverified"}`,
    ],
  ],
  [
    'a module that goes without an answer',
    (_request, response) => response.destroy(),
    503,
    [
      `pop_upstream_failures_total{${named},reason="module-unavailable"}`,
      'pop_refusals_total{stage="forward",code="module-unavailable"}',
    ],
  ],
]

for (const [what, listener, expected, counts] of failures) {
  test(`/metrics counts ${what}, and shows the instance as down until an answer verifies`, async () => {
    const earlier = await Promise.all(counts.map(valueOf))
    liar.answerWith(listener)
    assert.equal((await ask()).status, expected)
    assert.deepEqual(
      await Promise.all(counts.map(valueOf)),
      earlier.map((value) => value + 1),
    )
    assert.equal(await valueOf(`pop_upstream_up{${named}}`), 0)
    assert.equal(await valueOf(`pop_upstream_in_flight{${named}}`), 0)
    liar.answerWith((request, response) => answer(response, request, 200, '{}'))
    assert.equal((await ask()).status, 200)
    assert.equal(await valueOf(`pop_upstream_up{${named}}`), 1)
  })
}

test('/metrics counts a request that the module does not take as our seal, which says nothing of the instance', async () => {
  liar.answerWith((request, response) => answer(response, request, 400, problem('seal-replayed')))
  assert.equal((await ask()).status, 502)
  assert.equal(await valueOf('pop_seal_failures_total{service="liar",side="request",reason="seal-replayed"}'), 1)
  liar.answerWith((request, response) => answer(response, request, 503, problem('seal-full')))
  assert.equal((await ask()).status, 503)
  assert.equal(await valueOf('pop_seal_failures_total{service="liar",side="request",reason="seal-full"}'), 1)
  assert.equal(await valueOf(`pop_upstream_up{${named}}`), 1)
})

test('/metrics gives no series to a code that a module makes up', async () => {
  for (let index = 0; index < 5; index++) {
    liar.answerWith((request, response) => answer(response, request, 400, problem(`seal-${index}`)))
    assert.equal((await ask()).status, 502)
  }
  assert.equal(await valueOf('pop_seal_failures_total{service="liar",side="request",reason="other"}'), 5)
  assert.ok(!(await lines()).some((line) => /seal-\d/.test(line)))
})

test('/metrics shows a call that is under way', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<() => void>()
  liar.answerWith((request, response) => resolve(() => answer(response, request, 200, '{}')))
  const answered = ask()
  const release = await asked
  assert.equal(await valueOf(`pop_upstream_in_flight{${named}}`), 1)
  release()
  assert.equal((await answered).status, 200)
  assert.equal(await valueOf(`pop_upstream_in_flight{${named}}`), 0)
})

test('/metrics counts an instance that cannot be reached, also where another one answers', async () => {
  await liar.enrolGone()
  const known = () => pop.member.bulletin.section('modules')?.['liar']?.instances.length === 2
  while (!known()) await new Promise((resolve) => setTimeout(resolve, 5))
  liar.answerWith((request, response) => answer(response, request, 200, '{}'))
  assert.deepEqual([(await ask()).status, (await ask()).status], [200, 200])
  const gone = 'service="liar",service_instance="2"'
  assert.ok((await valueOf(`pop_upstream_failures_total{${gone},reason="unreachable"}`)) > 0)
  assert.equal(await valueOf(`pop_upstream_up{${gone}}`), 0)
  assert.equal(await valueOf(`pop_upstream_up{${named}}`), 1)
})
