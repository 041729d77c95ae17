import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError, type HandlerAnswer, type HandlerRequest, type Resource } from '@pop-api/module'
import { openStore, putBytes } from './driver/test-store.ts'
import { s3Handlers } from './handlers.ts'

const box: Resource = { kind: 'bucket', id: 'box', owner: 'user:bob', visibility: 'private' }
const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted

/** The handlers over a store of their own, called as the SDK calls them. */
async function openHandlers() {
  const store = await openStore()
  const handlers = s3Handlers(store.driver)
  const call = async (name: string, request: Partial<HandlerRequest> = {}): Promise<HandlerAnswer> => {
    const handler = handlers[name] ?? assert.fail(`no handler ${name}`)
    return handler({
      parameters: { bucket: 'box', key: 'a' },
      query: {},
      headers: {},
      body: undefined,
      caller: { subject: 'user:bob', name: 'bob' },
      scope: ['own'],
      resource: box,
      page: undefined,
      book: undefined,
      stream: undefined,
      requestId: 'req-1',
      txn: 'txn-1',
      ...request,
    })
  }
  return { store, call, [Symbol.asyncDispose]: store[Symbol.asyncDispose] }
}

function streamOf(text: string): HandlerRequest['stream'] {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text)
  }
  return { lengthBytes: text.length, bytes: bytes(), verified: Promise.resolve('complete') }
}

async function textOf({ stream }: HandlerAnswer): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream?.bytes ?? assert.fail('no stream'))).toString()
}

test('putObject() keeps the media type of a body, and refuses one that no answer could carry', async () => {
  await using world = await openHandlers()
  const headers = { 'content-type': 'text/plain; charset=utf-8' }
  assert.equal((await world.call('putObject', { headers, stream: streamOf('one') })).status, 201)
  const answer = await world.call('getObject')
  assert.equal(answer.headers?.['content-type'], headers['content-type'])
  assert.equal(await textOf(answer), 'one')
  for (const type of ['', 'text/plain;\tx=y', 'no type'])
    await assert.rejects(
      world.call('putObject', { headers: { 'content-type': type }, stream: streamOf('two') }),
      code('media-type-unsupported'),
      type,
    )
  assert.equal(await textOf(await world.call('getObject')), 'one')
})

test('putObject() refuses a part of an object, which would replace the whole', async () => {
  await using world = await openHandlers()
  await putBytes(world.store, 'a', Buffer.from('whole'))
  const headers = { 'content-range': 'bytes 0-1/5' }
  await assert.rejects(world.call('putObject', { headers, stream: streamOf('WH') }), code('parameter-invalid'))
  assert.equal(await textOf(await world.call('getObject')), 'whole')
})

test('getObject() gives a part of the object that If-Range names, and the whole of any other', async () => {
  await using world = await openHandlers()
  const { info } = await putBytes(world.store, 'a', Buffer.from('0123456789'))
  const part = await world.call('getObject', { headers: { range: 'bytes=2-3', 'if-range': info.etag } })
  assert.deepEqual([part.status, await textOf(part)], [206, '23'])
  const date = new Date(info.modifiedMs).toUTCString()
  for (const condition of ['"another"', `W/${info.etag}`, date]) {
    const whole = await world.call('getObject', { headers: { range: 'bytes=2-3', 'if-range': condition } })
    assert.deepEqual(
      [whole.status, await textOf(whole), whole.headers?.['content-range']],
      [200, '0123456789', undefined],
    )
  }
})

test('getObject() and putObject() refuse a key that a path could not have, or that is too long', async () => {
  await using world = await openHandlers()
  for (const key of ['', 'a//b', '/a', 'a/', '.', 'a/../b', 'ä'.repeat(513), '\ud800'])
    for (const name of ['getObject', 'putObject', 'headObject', 'deleteObject'])
      await assert.rejects(
        world.call(name, { parameters: { bucket: 'box', key }, stream: streamOf('x') }),
        code('parameter-invalid'),
        `${name} ${key}`,
      )
  const key = 'ä'.repeat(512)
  await world.call('putObject', { parameters: { bucket: 'box', key }, stream: streamOf('x') })
  assert.equal(await textOf(await world.call('getObject', { parameters: { bucket: 'box', key } })), 'x')
})

test('deleteObject() obeys If-Match', async () => {
  await using world = await openHandlers()
  const { info } = await putBytes(world.store, 'a', Buffer.from('x'))
  await assert.rejects(world.call('deleteObject', { headers: { 'if-match': '"y"' } }), code('precondition-failed'))
  assert.deepEqual(await world.call('deleteObject', { headers: { 'if-match': info.etag } }), { status: 204 })
  await assert.rejects(world.call('getObject'), code('resource-not-found'))
})
