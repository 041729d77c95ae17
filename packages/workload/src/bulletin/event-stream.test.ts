import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { readEventData } from './event-stream.ts'

async function dataOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  const stream = Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  )
  return await Array.fromAsync(readEventData(stream))
}

test('readEventData() gives each event whole, however it is cut', async () => {
  const text = 'id: 1.2\ndata: one\n\nid: 1.3\ndata: zwölf\r\n\r\n: comment\n\ndata:three\ndata: 3\n\n'
  const expected = ['one', 'zwölf', 'three\n3']
  assert.deepEqual(await dataOf(text), expected)
  assert.deepEqual(await dataOf(...[...Buffer.from(text)].map((byte) => Buffer.of(byte))), expected)
})

test('readEventData() gives no event that was cut off', async () => {
  assert.deepEqual(await dataOf('data: one\n\ndata: tw'), ['one'])
  assert.deepEqual(await dataOf('data: one\n'), [])
})

test('readEventData() throws for an event that never ends', async () => {
  const endless = Readable.from({
    *[Symbol.iterator]() {
      for (;;) yield 'x'.repeat(1024 * 1024)
    },
  })
  await assert.rejects(Array.fromAsync(readEventData(endless)), { code: 'control-unreadable' })
})
