import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { collectStream } from './collect-stream.ts'

const listeners = (stream: Readable): number =>
  ['data', 'end', 'error', 'close'].reduce((count, name) => count + stream.listenerCount(name), 0)

test('collectStream() gives all bytes, of a stream of none an empty body, and listens no more', async () => {
  const pieces = ['ab', 'c', 'def'].map((text) => Buffer.from(text))
  const stream = Readable.from(pieces, { objectMode: false })
  const before = listeners(stream)
  assert.equal(String(await collectStream(stream, 6)), 'abcdef')
  assert.equal(listeners(stream), before)
  assert.equal((await collectStream(Readable.from([]), 0))?.length, 0)
})

test('collectStream() gives a longer one up at the byte that is too many, and takes no more of it', async () => {
  const stream = new PassThrough()
  const before = listeners(stream)
  const collected = collectStream(stream, 4)
  stream.write('abcde')
  assert.equal(await collected, undefined)
  assert.deepEqual([stream.isPaused(), stream.destroyed, listeners(stream)], [true, false, before])
  stream.write('left')
  assert.equal(String(stream.read()), 'left')
})

test('collectStream() rejects for a stream that breaks, that closes before its end, and that is gone already', async () => {
  const broken = new PassThrough()
  const breaking = collectStream(broken, 10)
  broken.write('ab')
  broken.destroy(new Error('cut'))
  await assert.rejects(breaking, /^Error: cut$/)

  const closed = new PassThrough()
  const closing = collectStream(closed, 10)
  closed.destroy()
  await assert.rejects(closing, /closed before its end/)
  await assert.rejects(collectStream(closed, 10), /closed before its end/)

  const failed = new PassThrough().destroy(new Error('cut'))
  await assert.rejects(once(failed, 'close'), /^Error: cut$/)
  await assert.rejects(collectStream(failed, 10), /^Error: cut$/)
})
