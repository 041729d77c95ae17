import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestDocument } from '@pop-api/protocol'
import { defineModule, type Handler } from './definition.ts'
import { startWorld, type TestWorld, type UploadCall } from './test-world.ts'

// A module of the tests that keeps one file in memory, and commits it as a handler must: once its end has verified.

const requires = { role: 'create_resource', module: 'files.write' }
const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'files', version: '1' },
  'x-pop-module': { name: 'files', base: '/v1/files', permissions: ['files.write', 'files.read'] },
  paths: {
    '/file': {
      put: { operationId: 'put', 'x-pop-requires': requires, 'x-pop-stream': 'upload' },
      post: { operationId: 'post', 'x-pop-requires': requires },
      get: { operationId: 'get', 'x-pop-requires': { ...requires, module: 'files.read' } },
      head: { operationId: 'head', 'x-pop-requires': { ...requires, module: 'files.read' } },
    },
  },
}

interface Kept {
  file: Buffer | undefined
}

function files(kept: Kept, change: Readonly<Record<string, Handler>> = {}) {
  const put: Handler = async ({ stream }) => {
    assert(stream !== undefined)
    const pieces: Uint8Array[] = []
    for await (const piece of stream.bytes) pieces.push(piece)
    if ((await stream.verified) !== 'complete') return { status: 202 }
    kept.file = Buffer.concat(pieces)
    return { status: 201, body: { length: stream.lengthBytes ?? null } }
  }
  const none: Handler = () => ({ status: 204 })
  return defineModule({ manifest, handlers: { put, post: none, get: none, head: none, ...change } })
}

const target = '/v1/files/file'
const write = { method: 'PUT', target, operation: 'PUT /file', scope: 'files.write:any' }
const read = { method: 'GET', target, operation: 'GET /file', scope: 'files.read:any' }
const pieces = [Buffer.alloc(200_000, 'a'), Buffer.alloc(200_000, 'b'), Buffer.from('end')]
const lengthBytes = 400_003

test('createModuleServer() gives a handler an upload piece by piece and tells it when the end has verified', async () => {
  const kept: Kept = { file: undefined }
  await using world = await startWorld(files(kept))
  const answer = await world.call({ ...write, upload: { pieces, lengthBytes } })
  assert.deepEqual([answer.status, answer.sealed, answer.json], [201, true, { length: lengthBytes }])
  assert.deepEqual(kept.file, Buffer.concat(pieces))
  const unknown = await world.call({ ...write, upload: { pieces } })
  assert.deepEqual([unknown.status, unknown.json], [201, { length: null }])
  const empty = await world.call(write)
  assert.deepEqual([empty.status, kept.file], [201, Buffer.of()])
  assert.deepEqual(
    (await world.events()).map(({ status, code }) => [status, code]),
    [201, 201, 201].map((code) => ['success', code]),
  )
})

test('createModuleServer() tells a handler of an upload that its sender broke off', async () => {
  const kept: Kept = { file: undefined }
  await using world = await startWorld(files(kept))
  const answer = await world.call({ ...write, upload: { pieces: pieces.slice(0, 1), lengthBytes, ending: 'partial' } })
  assert.deepEqual([answer.status, answer.sealed, kept.file], [202, true, undefined])
})

const attacks: readonly (readonly [string, UploadCall, string])[] = [
  ['no trailers', { pieces, trailers: () => [] }, 'seal-body'],
  ['a trailer less', { pieces, trailers: (all) => all.slice(2) }, 'seal-body'],
  ['another trailer', { pieces, trailers: (all) => [...all, 'x-more', '1'] }, 'seal-body'],
  ['another digest', { pieces, trailers: swap('content-digest', `sha-256=:${'A'.repeat(43)}=:`) }, 'seal-invalid'],
  [
    'a partial end called complete',
    { pieces, ending: 'partial', trailers: swap('pop-end', 'complete') },
    'seal-invalid',
  ],
  ['a changed piece', { pieces, sent: ([, ...rest]) => [Buffer.alloc(200_000, 'A'), ...rest] }, 'seal-body'],
  ['a piece less', { pieces, sent: (all) => all.slice(1) }, 'seal-body'],
  ['more than the head says', { pieces, lengthBytes, sent: (all) => [...all, Buffer.of(0)] }, 'seal-body'],
]

function swap(name: string, value: string): (trailers: readonly string[]) => readonly string[] {
  return (trailers) => trailers.map((text, at) => (trailers[at - 1] === name ? value : text))
}

for (const [what, upload, code] of attacks) {
  test(`createModuleServer() refuses an upload with ${what}, and nothing is committed`, async () => {
    const kept: Kept = { file: undefined }
    await using world = await startWorld(files(kept))
    const answer = await world.call({ ...write, upload })
    assert.deepEqual([answer.sealed, answer.json['code'], kept.file], [true, code, undefined])
    assert.deepEqual(
      (await world.events()).map(({ action, reason }) => [action, reason]),
      [['seal_refusal', code]],
    )
  })
}

test('createModuleServer() commits nothing of an upload whose connection breaks', async () => {
  const kept: Kept = { file: undefined }
  await using world = await startWorld(files(kept))
  await assert.rejects(world.call({ ...write, upload: { pieces, lengthBytes, trailers: () => undefined } }))
  const events = await eventually(world)
  assert.deepEqual([events.map(({ reason }) => reason), kept.file], [['malformed-request'], undefined])
})

async function eventually(world: TestWorld) {
  for (;;) {
    const events = await world.events()
    if (events.length > 0) return events
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('createModuleServer() refuses a streamed body of an operation that takes none', async () => {
  await using world = await startWorld(files({ file: undefined }))
  const answer = await world.call({ ...write, method: 'POST', operation: 'POST /file', upload: { pieces } })
  assert.deepEqual([answer.sealed, answer.json['code']], [true, 'seal-body'])
})

test('createModuleServer() answers an upload that a handler refuses unread', async () => {
  const refuse: Handler = () => ({ status: 200, body: { unread: true } })
  await using world = await startWorld(files({ file: undefined }, { put: refuse }))
  const answer = await world.call({ ...write, upload: { pieces, lengthBytes } })
  assert.deepEqual([answer.status, answer.sealed, answer.json], [200, true, { unread: true }])
})

async function* given(list: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* list
}

test('createModuleServer() seals the end of an answer that is long or of unknown length', async () => {
  for (const stream of [
    () => ({ bytes: given(pieces), lengthBytes }),
    () => ({ bytes: given(pieces) }),
    () => ({ bytes: given([Buffer.from('short')]), lengthBytes: 5 }),
    () => ({ bytes: given([]) }),
  ]) {
    const get: Handler = () => ({ status: 200, headers: { 'content-type': 'text/plain' }, stream: stream() })
    await using world = await startWorld(files({ file: undefined }, { get }))
    const answer = await world.call(read)
    assert.deepEqual([answer.status, answer.sealed], [200, true])
    assert.deepEqual(answer.body, Buffer.concat(await Array.fromAsync(stream().bytes)))
    assert.deepEqual(world.faults, [])
  }
})

test('createModuleServer() gives no end to an answer whose stream fails or has not its length', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(300_000)
    throw new Error('the disk is gone')
  }
  for (const stream of [() => ({ bytes: failing() }), () => ({ bytes: given(pieces), lengthBytes: 400_004 })]) {
    const get: Handler = () => ({ status: 200, headers: { 'content-type': 'text/plain' }, stream: stream() })
    await using world = await startWorld(files({ file: undefined }, { get }))
    await assert.rejects(world.call(read))
    const events = await eventually(world)
    assert.deepEqual(
      events.map(({ status, reason }) => [status, reason]),
      [['failure', 'internal']],
    )
  }
})

test('createModuleServer() releases a stream that it does not read: of a bad answer, and of one to HEAD', async () => {
  let released = 0
  const stream = () => ({ bytes: given(pieces), lengthBytes, release: async () => void released++ })
  const get: Handler = () => ({ status: 200, headers: { 'x-undeclared': '1' }, stream: stream() })
  const head: Handler = () => ({ status: 200, stream: stream() })
  await using world = await startWorld(files({ file: undefined }, { get, head }))
  assert.equal((await world.call(read)).json['code'], 'internal')
  assert.equal(released, 1)
  assert.equal((await world.call({ ...read, method: 'HEAD', operation: 'HEAD /file' })).status, 200)
  assert.equal(released, 2)
})

test('createModuleServer() says the length of a stream in the answer to HEAD, and reads nothing', async () => {
  async function* unread(): AsyncGenerator<Uint8Array> {
    assert.fail('read')
    yield Buffer.of()
  }
  const head: Handler = () => ({ status: 200, stream: { bytes: unread(), lengthBytes: 12_345_678 } })
  await using world = await startWorld(files({ file: undefined }, { head }))
  const answer = await world.call({ ...read, method: 'HEAD', operation: 'HEAD /file' })
  assert.deepEqual([answer.status, answer.sealed, answer.body.length], [200, true, 0])
})
