import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PopError } from '@pop-api/module'
import type { ObjectInfo } from './object-driver.ts'
import { contentOf, openStore, plenty, putBytes, type Store } from './test-store.ts'

const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted
const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000]

for (const size of sizes) {
  test(`put() keeps ${size} bytes, and open() gives them back whole and in parts`, async () => {
    await using store = await openStore()
    const bytes = randomBytes(size)
    const { info, created } = await putBytes(store, 'a/b', bytes)
    assert.deepEqual([info.bytes, created], [size, true])
    assert.deepEqual(await contentOf(store, 'a/b'), bytes)
    for (const [from, to] of [
      [0, Math.min(1, size)],
      [Math.max(0, size - 1), size],
      [Math.min(size, 65_530), Math.min(size, 65_545)],
      [Math.floor(size / 3), Math.floor(size / 2)],
    ] as const)
      assert.deepEqual(await contentOf(store, 'a/b', { from, to }), bytes.subarray(from, to))
    assert.deepEqual((await readdir(join(store.home, 'objects'))).length, 1)
  })
}

test('put() replaces an object at once, and whoever reads the one before reads it to its end', async () => {
  await using store = await openStore()
  const [before, after] = [randomBytes(300_000), randomBytes(10)]
  await putBytes(store, 'a', before)
  const open = await store.driver.open('box', 'a')
  const { info, created } = await putBytes(store, 'a', after)
  assert.deepEqual([info.bytes, created], [10, false])
  assert.deepEqual(await contentOf(store, 'a'), after)
  assert.deepEqual(Buffer.concat(await Array.fromAsync(open.read({ from: 0, to: 300_000 }))), before)
  assert.deepEqual((await readdir(join(store.home, 'objects'))).length, 1)
})

test('put() keeps nothing of a body that broke off, failed or did not verify', async () => {
  await using store = await openStore()
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield randomBytes(200_000)
    throw new Error('the connection is gone')
  }
  await assert.rejects(
    putBytes(store, 'a', Buffer.from('x'), { verified: Promise.resolve('partial') }),
    code('malformed-request'),
  )
  await assert.rejects(putBytes(store, 'a', Buffer.of(), { bytes: failing() }), /connection is gone/)
  const refused = Promise.reject(new PopError('seal-body', 'no'))
  refused.catch(() => undefined)
  await assert.rejects(putBytes(store, 'a', Buffer.from('x'), { verified: refused }), code('seal-body'))
  await assert.rejects(store.driver.find('box', 'a'), code('resource-not-found'))
  assert.deepEqual(await readdir(join(store.home, 'objects')), [])
  assert.equal((await store.driver.bucket('box')).bytes, 0)
})

test('put() of one key many times at once leaves one of them, whole', async () => {
  await using store = await openStore()
  const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(200_000 + index, index))
  await Promise.all(contents.map((content) => putBytes(store, 'a', content)))
  const kept = await contentOf(store, 'a')
  assert.ok(contents.some((content) => content.equals(kept)))
  const { objects, bytes } = await store.driver.bucket('box')
  assert.deepEqual([objects, bytes], [1, kept.length])
  assert.equal((await readdir(join(store.home, 'objects'))).length, 1)
})

test('put() lets one of many that each want to be the first', async () => {
  await using store = await openStore()
  const precondition = (present: ObjectInfo | undefined) => {
    if (present !== undefined) throw new PopError('precondition-failed', 'It is there.')
  }
  const puts = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => putBytes(store, 'a', Buffer.from([index]), { precondition })),
  )
  const lost = puts.filter((put) => put.status === 'rejected')
  assert.equal(lost.length, 7)
  for (const { reason } of lost) assert.ok(code('precondition-failed')(reason))
  assert.equal((await readdir(join(store.home, 'objects'))).length, 1)
})

test('put() and remove() obey their precondition in the transaction that acts', async () => {
  await using store = await openStore()
  const never = () => {
    throw new PopError('precondition-failed', 'no')
  }
  let asked = 0
  const second = () => {
    if (++asked === 2) never()
  }
  await assert.rejects(putBytes(store, 'a', Buffer.from('x'), { precondition: second }), code('precondition-failed'))
  assert.deepEqual(await readdir(join(store.home, 'objects')), [])
  await putBytes(store, 'a', Buffer.from('x'))
  await assert.rejects(store.driver.remove('box', 'a', never), code('precondition-failed'))
  assert.equal((await store.driver.find('box', 'a')).bytes, 1)
  await store.driver.remove('box', 'a', () => undefined)
  await assert.rejects(
    store.driver.remove('box', 'a', () => undefined),
    code('resource-not-found'),
  )
  assert.deepEqual(await readdir(join(store.home, 'objects')), [])
})

test('put() into a bucket that was deleted meanwhile is refused, also when another of its name is there', async () => {
  await using store = await openStore()
  const gate = Promise.withResolvers<void>()
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('first')
    await gate.promise
  }
  const putting = putBytes(store, 'a', Buffer.of(), { bytes: slow() })
  putting.catch(() => undefined)
  while ((await readdir(join(store.home, 'objects'))).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 5))
  await store.driver.removeBucket('box')
  await store.driver.createBucket('box', 'user:eve')
  gate.resolve()
  await assert.rejects(putting, code('resource-not-found'))
  assert.deepEqual(await readdir(join(store.home, 'objects')), [])
  assert.equal((await store.driver.bucket('box')).objects, 0)
})

test('removeBucket() refuses a bucket with objects', async () => {
  await using store = await openStore()
  await putBytes(store, 'a', Buffer.from('x'))
  await assert.rejects(store.driver.removeBucket('box'), code('conflict'))
  await store.driver.remove('box', 'a', () => undefined)
  await store.driver.removeBucket('box')
  assert.equal(await store.driver.hasBucket('box'), false)
  await assert.rejects(store.driver.removeBucket('box'), code('resource-not-found'))
})

test('createBucket() refuses one more than the owner may have, until one is gone', async () => {
  await using store = await openStore({ ...plenty, bucketsPerOwnerMax: 2 })
  await store.driver.createBucket('second', 'user:bob')
  await assert.rejects(store.driver.createBucket('third', 'user:bob'), code('quota-exceeded'))
  assert.equal(await store.driver.hasBucket('third'), false)
  await store.driver.createBucket('third', 'user:carol')
  await store.driver.removeBucket('second')
  await store.driver.createBucket('second', 'user:bob')
})

test('put() refuses what the owner has no quota for: told, arriving, and many at once', async () => {
  await using store = await openStore({ ...plenty, bytesPerOwnerMax: 1000, objectsPerOwnerMax: 3 })
  const told = {
    lengthBytes: 1001,
    bytes: (async function* (): AsyncGenerator<Uint8Array> {
      yield assert.fail('read')
    })(),
  }
  await assert.rejects(putBytes(store, 'a', Buffer.of(), told), code('quota-exceeded'))
  await assert.rejects(putBytes(store, 'a', randomBytes(1001), { lengthBytes: undefined }), code('quota-exceeded'))
  const many = await Promise.allSettled(['a', 'b', 'c', 'd'].map((key) => putBytes(store, key, randomBytes(400))))
  assert.equal(many.filter(({ status }) => status === 'fulfilled').length, 2)
  assert.equal((await store.driver.bucket('box')).bytes, 800)
  await putBytes(store, 'x', randomBytes(1))
  await assert.rejects(putBytes(store, 'y', randomBytes(1)), code('quota-exceeded'))
  // Another owner has a quota of his own.
  await store.driver.createBucket('other', 'user:carol')
  await putBytes(store, 'a', randomBytes(900), { bucket: 'other' })
  // What was deleted is free again, and replacing one needs no further object.
  await store.driver.remove('box', 'x', () => undefined)
  await putBytes(store, 'y', randomBytes(1))
  await putBytes(store, 'y', randomBytes(2))
  assert.equal((await readdir(join(store.home, 'objects'))).length, 4)
})

async function listed(store: Store, wanted: { prefix?: string; delimiter?: string; limit?: number }) {
  const pages: string[][] = []
  let after
  do {
    const { prefix = '', delimiter = '', limit = 100 } = wanted
    const page = await store.driver.list({ bucket: 'box', prefix, delimiter, limit, after })
    pages.push([...page.objects.map(({ key }) => key), ...page.prefixes])
    after = page.next
  } while (after !== undefined)
  return pages
}

test('list() goes through keys in their order, page by page, by prefix and up to a delimiter', async () => {
  await using store = await openStore()
  const keys = ['a', 'a/1', 'a/2', 'a/b/3', 'b', 'ä/1', '\u{10ffff}', '\u{1f600}/x', 'a0']
  for (const key of keys) await putBytes(store, key, Buffer.of())
  const order = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  assert.deepEqual(await listed(store, {}), [order])
  assert.deepEqual(await listed(store, { limit: 4 }), [order.slice(0, 4), order.slice(4, 8), order.slice(8)])
  assert.deepEqual(await listed(store, { prefix: 'a/' }), [['a/1', 'a/2', 'a/b/3']])
  assert.deepEqual(await listed(store, { prefix: 'a/', delimiter: '/' }), [['a/1', 'a/2', 'a/b/']])
  assert.deepEqual(await listed(store, { delimiter: '/' }), [['a', 'a0', 'b', '\u{10ffff}', 'a/', 'ä/', '\u{1f600}/']])
  assert.deepEqual((await listed(store, { delimiter: '/', limit: 1 })).flat().length, 7)
  assert.deepEqual(await listed(store, { prefix: '\u{10ffff}' }), [['\u{10ffff}']])
  assert.deepEqual(await listed(store, { prefix: 'nothing' }), [[]])
})

test('openFileDriver() has everything again after a restart, and removes what no entry names', async () => {
  const first = await openStore()
  const bytes = randomBytes(100_000)
  await putBytes(first, 'a', bytes)
  await first.orphan('0123456789abcdef0123456789abcdef')
  await first.driver[Symbol.asyncDispose]()
  await using store = await openStore(undefined, first.home)
  assert.deepEqual(await contentOf(store, 'a'), bytes)
  assert.equal((await readdir(join(store.home, 'objects'))).length, 1)
})

test('openFileDriver() refuses a home that another holds, and takes it once that has ended', async () => {
  const first = await openStore()
  const verified = Promise.withResolvers<'complete'>()
  const putting = putBytes(first, 'a', Buffer.from('x'), { verified: verified.promise })
  while ((await readdir(join(first.home, 'objects'))).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 5))
  // It would take the file of the upload for one that a crash left behind.
  await assert.rejects(openStore(undefined, first.home), /held by another process/)
  verified.resolve('complete')
  await putting
  assert.equal((await contentOf(first, 'a')).toString(), 'x')
  await first.driver[Symbol.asyncDispose]()
  await using second = await openStore(undefined, first.home)
  assert.equal((await contentOf(second, 'a')).toString(), 'x')
})

test('open() without a read leaves no open file to the collector of garbage, and is closed after a while', async (t) => {
  await using store = await openStore()
  await putBytes(store, 'a', Buffer.from('x'))
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const open = await store.driver.open('box', 'a')
  // Node ends a process in which this happens to an open file.
  await (async () => void (await store.driver.open('box', 'a')).read({ from: 0, to: 1 }))()
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(typeof collect === 'function')
  for (let round = 0; round < 5; round++) {
    collect()
    await setImmediate()
  }
  t.mock.timers.tick(60_000)
  await assert.rejects(Array.fromAsync(open.read({ from: 0, to: 1 })), /held too long/)
  assert.equal((await contentOf(store, 'a')).toString(), 'x')
})

test('put() of an owner near the limit may replace a large object by another', async () => {
  await using store = await openStore({ ...plenty, bytesPerOwnerMax: 1000, objectsPerOwnerMax: 3 })
  await putBytes(store, 'a', randomBytes(900))
  await putBytes(store, 'a', randomBytes(950))
  await assert.rejects(putBytes(store, 'a', randomBytes(1001)), code('quota-exceeded'))
  await assert.rejects(putBytes(store, 'b', randomBytes(51)), code('quota-exceeded'))
  assert.equal((await store.driver.bucket('box')).bytes, 950)
})

test('put() into a bucket that belongs to another by now is refused before a byte is read', async () => {
  await using store = await openStore()
  const bytes = (async function* (): AsyncGenerator<Uint8Array> {
    yield assert.fail('read')
  })()
  await assert.rejects(putBytes(store, 'a', Buffer.of(), { owner: 'user:eve', bytes }), code('resource-not-found'))
})
