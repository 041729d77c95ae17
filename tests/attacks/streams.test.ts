import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { request as startRequest } from 'node:https'
import { after, before, test } from 'node:test'
import {
  createNonceSource,
  es256Seal,
  fieldPairs,
  type Ending,
  type FlatFields,
  type SealIdentity,
} from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { randomBytes } from 'node:crypto'
import { emptyFiles, filesModule, zeros } from '../files.ts'
import { enrolLiar, type Liar } from './liar.ts'

const files = emptyFiles()
const nextNonce = createNonceSource(randomBytes(16))
const stack = new AsyncDisposableStack()
let pop: Pop
let token = ''
let liar: Liar

before(async () => {
  pop = await startPop({ modules: [filesModule(files)] })
  token = await pop.token('alice')
  liar = stack.use(await enrolLiar(pop))
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

/** Bytes of an answer, and whether its end was a clean one. */
interface Got {
  readonly status: number
  readonly bytes: number
  readonly clean: boolean
  readonly requestId: string
}

async function get(path: string, stopAfter = Infinity): Promise<Got> {
  const { hostname, port } = new URL(pop.gateway)
  const headers = { authorization: `Bearer ${token}` }
  const request = startRequest({ host: hostname, port, path, ca: pop.ca, agent: false, headers })
  request.end()
  const [response] = await once(request, 'response')
  request.on('error', () => undefined)
  let bytes = 0
  let clean = false
  response.on('error', () => undefined)
  response.on('end', () => {
    clean = response.complete
  })
  response.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes >= stopAfter) request.destroy()
  })
  await new Promise((resolve) => response.on('close', resolve))
  return { status: response.statusCode, bytes, clean, requestId: String(response.headers['x-request-id']) }
}

/** The closing event of a request, which may be written a moment after the client has seen its end. */
async function closingOf(requestId: string) {
  for (;;) {
    const events = await pop.audit('gateway', { request_id: requestId })
    const closing = events.find(({ status }) => status !== 'opened')
    if (closing !== undefined) return closing
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const whole = Buffer.alloc(400_000, 'x')

interface Told {
  readonly lengthBytes?: number | undefined
  readonly ending?: Ending
  /** Sealed with it; the liar's own unless told. */
  readonly identity?: SealIdentity
  /** What is sent, instead of what was sealed. */
  readonly sent?: Buffer
  readonly trailers?: (trailers: FlatFields) => FlatFields
  /** Ends the connection before the trailers. */
  readonly cut?: boolean
}

/** Answers with a streamed body whose head is right. */
function tell(told: Told): void {
  liar.answerWith((request, response) => {
    const { lengthBytes = whole.length, ending = 'complete' } = told
    const head = { stream: 'trailer' as const, lengthBytes }
    const binding = { method: request.method ?? '', target: request.url ?? '', nonce: liar.nonceOf(request) }
    const answer = { status: 200, headers: [], body: head, binding }
    const moment = { nowMs: Date.now(), nonce: nextNonce() }
    const sealed = es256Seal.sealAnswer(answer, liar.identity(), moment)
    const ender = told.identity === undefined ? sealed : es256Seal.sealAnswer(answer, told.identity, moment)
    ender.sealer?.add(whole.subarray(0, lengthBytes))
    const trailers = ender.sealer?.end(ending, { nowMs: Date.now(), nonce: nextNonce() }) ?? []
    response.writeHead(200, [...sealed.headers])
    response.write(told.sent ?? whole)
    if (told.cut === true) setTimeout(() => response.destroy(), 50)
    else end(response, told.trailers?.(trailers) ?? trailers)
  })
}

function end(response: ServerResponse, trailers: FlatFields): void {
  response.addTrailers(fieldPairs(trailers))
  response.end()
}

const swap = (name: string, value: string) => (trailers: FlatFields) =>
  trailers.map((text, at) => (trailers[at - 1] === name ? value : text))

test('a streamed answer that verifies to its end reaches the client', async () => {
  tell({})
  const got = await get('/v1/liar/thing')
  assert.deepEqual([got.status, got.bytes, got.clean], [200, whole.length, true])
  assert.equal((await closingOf(got.requestId)).status, 'success')
})

let kept: FlatFields = []
const lies: readonly (readonly [string, () => Told])[] = [
  ['has no trailers', () => ({ trailers: () => [] })],
  ['has a trailer less', () => ({ trailers: (all) => all.slice(0, 6) })],
  ['has a trailer that nobody sealed', () => ({ trailers: (all) => [...all, 'x-more', '1'] })],
  ['ends with the trailers of another answer', () => ({ trailers: () => kept })],
  ['ends with the key of another module', () => ({ identity: liar.otherIdentity() })],
  ['was broken off by the module', () => ({ ending: 'partial' })],
  ['was broken off and says otherwise', () => ({ ending: 'partial', trailers: swap('pop-end', 'complete') })],
  ['has other bytes', () => ({ sent: Buffer.alloc(400_000, 'y') })],
  ['is longer than its head says', () => ({ sent: Buffer.alloc(400_001, 'x') })],
  ['is shorter than its head says', () => ({ sent: whole.subarray(1) })],
  ['ends with the connection', () => ({ cut: true })],
]

for (const [what, told] of lies) {
  test(`the client sees no clean end of a streamed answer that ${what}`, async () => {
    if (kept.length === 0) {
      tell({ trailers: (all) => (kept = all) })
      await get('/v1/liar/thing')
    }
    tell(told())
    const got = await get('/v1/liar/thing')
    assert.equal(got.status, 200)
    assert.equal(got.clean, false)
    assert.ok(got.bytes < whole.length, `${got.bytes} bytes`)
    const closing = await closingOf(got.requestId)
    assert.equal(closing.status, 'failure')
    assert.match(String(closing.reason), /^(answer-unverified|module-unavailable)$/)
  })
}

test('an open stream of an operation that declares none is refused', async () => {
  liar.answerWith((request, response) => {
    const binding = { method: request.method ?? '', target: request.url ?? '', nonce: liar.nonceOf(request) }
    const body = { stream: 'open' as const, lengthBytes: undefined }
    const moment = { nowMs: Date.now(), nonce: nextNonce() }
    const { headers } = es256Seal.sealAnswer({ status: 200, headers: [], body, binding }, liar.identity(), moment)
    response.writeHead(200, [...headers])
    response.end('anything')
  })
  const got = await get('/v1/liar/thing')
  assert.equal(got.status, 502)
})

const uploadBytes = 2_000_000

for (let tenth = 0; tenth < 10; tenth++) {
  test(`an upload whose client goes after ${tenth} tenths is never committed`, async () => {
    const commits = files.commits.length
    const dropped = files.dropped.length
    const { hostname, port } = new URL(pop.gateway)
    const headers = { authorization: `Bearer ${token}`, 'content-length': String(uploadBytes) }
    const path = '/v1/files/file'
    const request = startRequest({ host: hostname, port, method: 'PUT', path, ca: pop.ca, agent: false, headers })
    request.on('error', () => undefined)
    for await (const piece of zeros((uploadBytes / 10) * tenth, 50_000)) {
      if (!request.write(piece)) await once(request, 'drain')
    }
    request.flushHeaders()
    await new Promise((resolve) => setTimeout(resolve, 50))
    request.destroy()
    while (files.dropped.length === dropped) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(files.dropped.at(-1), 'partial')
    assert.equal(files.commits.length, commits)
  })

  test(`an answer whose client goes after ${tenth} tenths is recorded as that`, async () => {
    files.answer = () => ({ bytes: zeros(20_000_000, 65_536), lengthBytes: 20_000_000 })
    const got = await get('/v1/files/file', Math.max(1, 2_000_000 * tenth))
    assert.equal(got.clean, false)
    assert.equal((await closingOf(got.requestId)).reason, 'client-gone')
  })
}
