import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasObjectBook } from './file-driver.ts'
import { contentOf, openStore, putBytes } from './test-store.ts'

test('openFileDriver() without its book removes no file, and has everything again once it is back', async () => {
  const first = await openStore()
  const { home } = first
  await putBytes(first, 'a', Buffer.from('kept'))
  await first.driver[Symbol.asyncDispose]()
  await rename(join(home, 'objects.db'), join(home, 'elsewhere.db'))
  assert.equal(await hasObjectBook(home), false)
  // Twice: a start that was refused leaves no empty book for the next one to believe.
  for (let start = 0; start < 2; start++) await assert.rejects(openStore(undefined, home), /objects\.db, is missing/)
  assert.equal((await readdir(join(home, 'objects'))).length, 1)
  await rename(join(home, 'elsewhere.db'), join(home, 'objects.db'))
  assert.equal(await hasObjectBook(home), true)
  await using again = await openStore(undefined, home)
  assert.deepEqual(await contentOf(again, 'a'), Buffer.from('kept'))
})
