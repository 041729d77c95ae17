import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { createNonceSource, es256Seal } from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { emptyFiles, filesModule, zeros } from '../files.ts'
import { enrolLiar, type Liar } from './liar.ts'

const files = emptyFiles()
const nextNonce = createNonceSource(randomBytes(16))
const stack = new AsyncDisposableStack()
let pop: Pop
let liar: Liar
let token = ''
let otherToken = ''

before(async () => {
  pop = await startPop({
    modules: [filesModule(files)],
    users: [{ username: 'dave', roles: ['admin'] }],
  })
  token = await pop.token('alice')
  otherToken = await pop.token('dave')
  liar = stack.use(await enrolLiar(pop))
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

async function open(): Promise<TLSSocket> {
  const { hostname, port } = new URL(pop.gateway)
  const socket = connect({ host: hostname, port: Number(port), ca: pop.ca })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

const get = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`

test('a caller that reads none of its answers keeps nobody else out, and gets no more of them', async () => {
  const reading = new Set<object>()
  files.answer = () => ({ bytes: noted(reading), lengthBytes: 50_000_000 })
  const sockets: TLSSocket[] = []
  for (let index = 0; index < 32; index++) {
    const socket = await open()
    sockets.push(socket)
    socket.write(get('/v1/files/file'))
    // One after the other: only a part of the first bytes is read.
    await once(socket, 'readable')
  }
  assert.equal((await pop.call(token, 'GET', '/v1/files/file')).status, 429)
  assert.equal((await pop.call(token, 'PUT', '/v1/files/file', {})).status, 429)
  assert.equal((await pop.call(token, 'HEAD', '/v1/files/file')).status, 200)
  files.answer = () => ({ bytes: zeros(1_000_000, 65_536), lengthBytes: 1_000_000 })
  assert.equal((await pop.call(otherToken, 'GET', '/v1/files/file')).status, 200)
  for (const socket of sockets) socket.destroy()
  while (reading.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await pop.call(token, 'GET', '/v1/files/file')).status, 200)
})

/** A long answer, in the set for as long as it is held open. */
async function* noted(reading: Set<object>): AsyncGenerator<Uint8Array> {
  const mark = {}
  reading.add(mark)
  try {
    yield* zeros(50_000_000, 65_536)
  } finally {
    reading.delete(mark)
  }
}

const upload = async (): Promise<number> => (await pop.call(token, 'PUT', '/v1/liar/thing', { a: 1 })).status

/** Answers as a module would, with a body of which a part may be left out. */
function answer(request: IncomingMessage, response: ServerResponse, left: number): void {
  request.resume()
  request.on('end', () => {
    const body = Buffer.from('{"true":1}')
    const binding = { method: request.method ?? '', target: request.url ?? '', nonce: liar.nonceOf(request) }
    const moment = { nowMs: Date.now(), nonce: nextNonce() }
    const said = { status: 200, headers: ['content-type', 'application/json'], body, binding }
    const { headers } = es256Seal.sealAnswer(said, liar.identity(), moment)
    response.writeHead(200, [...headers, 'content-length', String(body.length)])
    response.write(body.subarray(left))
    if (left === 0) response.end()
  })
}

test('an upload is answered by a module that takes it', async () => {
  liar.answerWith((request, response) => answer(request, response, 0))
  assert.equal(await upload(), 200)
})

test('a module that falls silent within its answer to an upload is given up with 504', async () => {
  const silent = async (ms: number): Promise<void> =>
    pop.changeSettings((settings) => ({ ...settings, limits: { ...settings.limits, module_silence_ms: ms } }))
  await silent(200)
  liar.answerWith((request, response) => answer(request, response, 1))
  assert.equal(await upload(), 504)
  await silent(30_000)
})

test('an upload to an instance that is gone goes to another one, and to none is 503', async () => {
  liar.answerWith((request, response) => answer(request, response, 0))
  await liar.enrolGone()
  while (pop.member.bulletin.section('modules')?.['liar']?.instances.length !== 2)
    await new Promise((resolve) => setTimeout(resolve, 5))
  for (let index = 0; index < 4; index++) assert.equal(await upload(), 200)
  await liar.report('https://127.0.0.1:1')
  assert.equal(await upload(), 503)
})
