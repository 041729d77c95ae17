import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBook } from './book.ts'
import type { Resource } from './resource.ts'

const topic: Resource = { kind: 'topic', id: 'a', owner: 'user:bob', visibility: 'private' }

async function bookPath() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-book-'))
  return { path: join(folder, 'book.db'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

test('openBook() keeps its entries over a restart', async () => {
  await using file = await bookPath()
  {
    using book = openBook(file.path, () => 1)
    assert.equal(book.reserve(topic), true)
    assert.equal(book.reserve({ ...topic, owner: 'user:eve' }), false)
    assert.equal(book.find('topic', 'a'), undefined)
    book.hold('topic', 'a', 'public')
  }
  using book = openBook(file.path, () => 2)
  assert.deepEqual({ ...book.find('topic', 'a') }, { ...topic, visibility: 'public' })
  assert.equal(book.find('bucket', 'a'), undefined)
  assert.equal(book.reserve({ ...topic, kind: 'bucket' }), true)
})

test('release() frees a reservation and nothing that is held', async () => {
  await using file = await bookPath()
  using book = openBook(file.path, () => 1)
  book.reserve(topic)
  book.release('topic', 'a')
  assert.equal(book.reserve(topic), true)
  book.hold('topic', 'a', 'private')
  book.release('topic', 'a')
  assert.notEqual(book.find('topic', 'a'), undefined)
})

test('recover() settles cut-off creations and deletions by what the module has', async () => {
  await using file = await bookPath()
  {
    using book = openBook(file.path, () => 1)
    for (const id of ['made', 'unmade', 'kept', 'gone', 'still']) book.reserve({ ...topic, id })
    for (const id of ['kept', 'gone', 'still']) book.hold('topic', id, 'private')
    for (const id of ['kept', 'gone']) book.beginDelete('topic', id)
  }
  using book = openBook(file.path, () => 2)
  await book.recover((_kind, id) => ['made', 'kept'].includes(id))
  const page = book.page({ kind: 'topic', subject: '', ownerships: ['any'], after: '', limit: 10 })
  assert.deepEqual(
    page.resources.map(({ id }) => id),
    ['kept', 'made', 'still'],
  )
})
