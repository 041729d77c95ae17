import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as startRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'
import { emptyFiles, filesModule, zeros } from '../files.ts'

const files = emptyFiles()
let pop: Pop
let token = ''

before(async () => {
  pop = await startPop({ modules: [filesModule(files)] })
  token = await pop.token('bob')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface Streamed {
  readonly response: IncomingMessage
  readonly body: Buffer
}

/** Sends pieces one after the other, with or without saying how many bytes they are. */
async function send(
  method: string,
  path: string,
  pieces: AsyncIterable<Uint8Array> | undefined,
  fields: Readonly<Record<string, string>> = {},
): Promise<Streamed> {
  const { hostname, port } = new URL(pop.gateway)
  const headers = { authorization: `Bearer ${token}`, ...fields }
  const request = startRequest({ host: hostname, port, method, path, ca: pop.ca, agent: false, headers })
  const answered = once(request, 'response')
  answered.catch(() => undefined)
  for await (const piece of pieces ?? [])
    if (!request.write(piece)) await Promise.race([once(request, 'drain'), answered])
  request.end()
  const [response] = await answered
  return { response, body: Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)) }
}

function digestOf(bytes: number): string {
  return createHash('sha256').update(new Uint8Array(bytes)).digest('hex')
}

const sizes = [0, 1, 65_535, 65_536, 262_144, 262_145, 5_000_000]

for (const bytes of sizes) {
  test(`an upload of ${bytes} bytes arrives whole, with and without its length`, async () => {
    files.commits.length = 0
    const known = await send('PUT', '/v1/files/file', zeros(bytes, 10_000), { 'content-length': String(bytes) })
    assert.equal(known.response.statusCode, 201, known.body.toString())
    const unknown = await send('PUT', '/v1/files/file', zeros(bytes, 70_000), { 'transfer-encoding': 'chunked' })
    assert.equal(unknown.response.statusCode, 201, unknown.body.toString())
    const commit = { bytes, sha256: digestOf(bytes) }
    assert.deepEqual(files.commits, [commit, commit])
  })

  test(`an answer of ${bytes} bytes arrives whole, with and without its length`, async () => {
    files.answer = () => ({ bytes: zeros(bytes, 10_000), lengthBytes: bytes })
    const known = await send('GET', '/v1/files/file', undefined)
    assert.equal(known.response.headers['content-length'], String(bytes))
    assert.deepEqual([known.response.statusCode, known.body], [200, Buffer.alloc(bytes)])
    files.answer = () => ({ bytes: zeros(bytes, 70_000) })
    const unknown = await send('GET', '/v1/files/file', undefined)
    assert.equal(unknown.response.headers['content-length'], undefined)
    assert.deepEqual([unknown.response.statusCode, unknown.body], [200, Buffer.alloc(bytes)])
  })
}

test('HEAD says the length of what GET would give, and no body', async () => {
  files.answer = () => ({ bytes: zeros(7_000_000, 65_536), lengthBytes: 7_000_000 })
  const { response, body } = await send('HEAD', '/v1/files/file', undefined)
  assert.deepEqual([response.statusCode, response.headers['content-length'], body.length], [200, '7000000', 0])
})

test('gateway and module record an upload under one request id, the gateway before and after', async () => {
  const { response } = await send('PUT', '/v1/files/file', zeros(300_000, 65_536), { 'content-length': '300000' })
  const request_id = String(response.headers['x-request-id'])
  const atGateway = await pop.audit('gateway', { request_id })
  assert.deepEqual(
    atGateway.map(({ status, code }) => [status, code]),
    [
      ['opened', undefined],
      ['success', 201],
    ],
  )
  const [atModule] = await pop.audit('files', { request_id })
  assert.equal(atModule?.status, 'success')
})

test('a module that answers before the end of an upload is heard', async () => {
  const { response, body } = await send('PUT', '/v1/files/closed', zeros(3_000_000, 65_536), {
    'content-length': '3000000',
  })
  assert.deepEqual([response.statusCode, body.toString()], [200, '{"unread":true}'])
})

test('an upload to an operation that takes none is buffered, and too large', async () => {
  const { response } = await send('POST', '/v1/files/plain', zeros(400_000, 65_536), { 'content-length': '400000' })
  assert.equal(response.statusCode, 413)
})

test('an event reaches the client when it happens, and the module learns that the client has gone', async () => {
  const gone = Promise.withResolvers<string>()
  async function* told(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from('data: 1\n\n')
      // Without this the first event would be enough to end it.
      for (let count = 2; ; count++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        yield Buffer.from(`data: ${count}\n\n`)
      }
    } finally {
      gone.resolve('gone')
    }
  }
  files.answer = () => ({ bytes: told() })
  const { hostname, port } = new URL(pop.gateway)
  const headers = { authorization: `Bearer ${token}` }
  const path = '/v1/files/events'
  const request = startRequest({ host: hostname, port, path, ca: pop.ca, agent: false, headers })
  request.end()
  const [response] = await once(request, 'response')
  const [first] = await once(response, 'data')
  assert.equal(String(first), 'data: 1\n\n')
  request.on('error', () => undefined)
  request.destroy()
  assert.equal(await gone.promise, 'gone')
})

test('nothing inside went wrong', () => {
  assert.deepEqual(pop.failures, [])
})
