import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { PopError } from '@pop-api/module'
import { storageFailure } from './storage-full.ts'

const isFull = (failure: unknown) => failure instanceof PopError && failure.code === 'storage-full'

/** What SQLite throws where its file cannot grow. */
function sqliteFull(): unknown {
  using database = new DatabaseSync(':memory:')
  database.exec('pragma max_page_count = 2; create table filled (bytes blob)')
  try {
    database.exec('insert into filled values (zeroblob(100000))')
  } catch (failure) {
    return failure
  }
  return assert.fail('the database took more than it may have')
}

test('storageFailure() is storage-full for a disk, a quota of the disk and a database without room', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG'])
    assert.ok(isFull(storageFailure(Object.assign(new Error(code), { code }))), code)
  assert.ok(isFull(storageFailure(sqliteFull())))
})

test('storageFailure() leaves every other failure as it is', () => {
  using database = new DatabaseSync(':memory:')
  assert.throws(
    () => database.exec('select nothing'),
    (failure) => storageFailure(failure) === failure,
  )
  const others = [Object.assign(new Error('EIO'), { code: 'EIO' }), new PopError('conflict', 'no'), 'text', undefined]
  for (const failure of others) assert.equal(storageFailure(failure), failure)
})
