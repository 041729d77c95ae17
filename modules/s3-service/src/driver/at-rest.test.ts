import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { PopError } from '@pop-api/module'
import { chunkBytes, decodeHeader, tagBytes } from './object-file.ts'
import { contentOf, openStore, putBytes, type Store } from './test-store.ts'

// What somebody who can write to the disk might do to the files of objects: every time the reader learns of it, and gets no byte that
// is not the object's.

const size = 3 * chunkBytes + 1000
const sealedChunk = chunkBytes + tagBytes

/** The same places in every run, so that a failure comes again: mulberry32. Gives whole numbers below a bound. */
function seededRandom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

interface Kept {
  readonly path: string
  readonly bytes: Buffer
  readonly header: number
}

/** The one file that came with a put. */
async function keep(store: Store, key: string, content: Buffer): Promise<Kept> {
  const folder = join(store.home, 'objects')
  const before = new Set(await readdir(folder))
  await putBytes(store, key, content)
  const [name = ''] = (await readdir(folder)).filter((file) => !before.has(file))
  const path = join(folder, name)
  const bytes = await readFile(path)
  return { path, bytes, header: decodeHeader(bytes).length }
}

/** Reads to the end or to the failure, and checks that all that was given is right. */
async function assertDetected(store: Store, key: string, content: Buffer, what: string): Promise<void> {
  let given = 0
  await assert.rejects(
    async () => {
      const open = await store.driver.open('box', key)
      for await (const piece of open.read({ from: 0, to: open.info.bytes })) {
        assert.deepEqual(Buffer.from(piece), content.subarray(given, given + piece.length), what)
        given += piece.length
      }
    },
    (error) => error instanceof PopError && error.code === 'object-damaged',
    what,
  )
  assert.ok(given < content.length, what)
}

test('a file that was cut, at chunks and anywhere, is detected', async () => {
  await using store = await openStore()
  const content = randomBytes(size)
  const { path, bytes, header } = await keep(store, 'a', content)
  const places = [0, 1, header - 1, header, ...[1, 2, 3].map((chunk) => header + chunk * sealedChunk), bytes.length - 1]
  const random = seededRandom(1)
  for (let count = 0; count < 20; count++) places.push(random(bytes.length))
  for (const place of places) {
    await writeFile(path, bytes.subarray(0, place))
    await assertDetected(store, 'a', content, `cut at ${place}`)
  }
  await writeFile(path, Buffer.concat([bytes, Buffer.of(0)]))
  await assertDetected(store, 'a', content, 'a byte more')
  await writeFile(path, bytes)
  assert.deepEqual(await contentOf(store, 'a'), content)
})

test('chunks that were swapped, repeated or left out are detected', async () => {
  await using store = await openStore()
  const content = randomBytes(size)
  const { path, bytes, header } = await keep(store, 'a', content)
  const chunk = (index: number) => bytes.subarray(header + index * sealedChunk, header + (index + 1) * sealedChunk)
  for (const order of [
    [1, 0, 2, 3],
    [0, 2, 1, 3],
    [0, 0, 2, 3],
    [0, 1, 3],
    [3, 1, 2, 0],
  ]) {
    await writeFile(path, Buffer.concat([bytes.subarray(0, header), ...order.map(chunk)]))
    await assertDetected(store, 'a', content, order.join())
  }
})

test('the file of another object, its header and its chunks are detected', async () => {
  await using store = await openStore()
  const [mine, other] = [randomBytes(size), randomBytes(size)]
  const a = await keep(store, 'a', mine)
  const b = await keep(store, 'b', other)
  for (const [what, forged] of [
    ['whole files', b.bytes],
    ['the header', Buffer.concat([b.bytes.subarray(0, b.header), a.bytes.subarray(a.header)])],
    ['all chunks', Buffer.concat([a.bytes.subarray(0, a.header), b.bytes.subarray(b.header)])],
    [
      'one chunk',
      Buffer.concat([
        a.bytes.subarray(0, a.header + sealedChunk),
        b.bytes.subarray(b.header + sealedChunk, b.header + 2 * sealedChunk),
        a.bytes.subarray(a.header + 2 * sealedChunk),
      ]),
    ],
  ] as const) {
    await writeFile(a.path, forged)
    await assertDetected(store, 'a', mine, what)
  }
})

test('an older file of the same object in place of its present one is detected', async () => {
  await using store = await openStore()
  const [before, after] = [randomBytes(size), randomBytes(size)]
  const old = await keep(store, 'a', before)
  const present = await keep(store, 'a', after)
  await writeFile(present.path, old.bytes)
  await assertDetected(store, 'a', after, 'rolled back')
  const mixed = Buffer.concat([present.bytes.subarray(0, present.header), old.bytes.subarray(old.header)])
  await writeFile(present.path, mixed)
  await assertDetected(store, 'a', after, 'old chunks under the present header')
})

test('each of 200 flipped bits is detected, and every bit of the header', async () => {
  await using store = await openStore()
  const content = randomBytes(size)
  const { path, bytes, header } = await keep(store, 'a', content)
  const random = seededRandom(2)
  const places = Array.from({ length: 200 }, () => random(bytes.length * 8))
  for (let bit = 0; bit < header * 8; bit++) places.push(bit)
  for (const place of places) {
    const forged = Buffer.from(bytes)
    forged[place >> 3] = (forged[place >> 3] ?? 0) ^ (1 << (place & 7))
    await writeFile(path, forged)
    await assertDetected(store, 'a', content, `bit ${place}`)
  }
})

test('a pipe, a link or a folder in place of a file is detected', async () => {
  await using store = await openStore()
  const content = randomBytes(size)
  const { path, bytes } = await keep(store, 'a', content)
  const elsewhere = join(store.home, 'elsewhere')
  await writeFile(elsewhere, bytes)
  for (const [what, place] of [
    ['pipe', () => promisify(execFile)('mkfifo', [path])],
    ['link', () => symlink(elsewhere, path)],
    ['folder', () => mkdir(path)],
  ] as const) {
    await rm(path, { recursive: true })
    await place()
    await assertDetected(store, 'a', content, what)
  }
})

test('a part is checked where it lies: damage elsewhere does not keep it from being read', async () => {
  await using store = await openStore()
  const content = randomBytes(size)
  const { path, bytes, header } = await keep(store, 'a', content)
  const forged = Buffer.from(bytes)
  forged[header + 10] = (forged[header + 10] ?? 0) ^ 1
  await writeFile(path, forged)
  const part = { from: 2 * chunkBytes, to: 2 * chunkBytes + 100 }
  assert.deepEqual(await contentOf(store, 'a', part), content.subarray(part.from, part.to))
  await assert.rejects(contentOf(store, 'a', { from: 0, to: 1 }), PopError)
})

test('no content, key or name of an object lies on the disk in the clear, but in the book', async () => {
  await using store = await openStore()
  const content = Buffer.from('a very secret sentence that nobody shall find '.repeat(100))
  const { bytes, path } = await keep(store, 'secret-name', content)
  assert.equal(bytes.includes('secret'), false)
  assert.equal(path.includes('secret'), false)
})
