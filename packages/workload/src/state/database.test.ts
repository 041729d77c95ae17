import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStateDatabase, transact } from './database.ts'

async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-state-'))
  return { path: join(folder, 'state.db'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

const schema = 'create table if not exists word (text text primary key) strict'

test('openStateDatabase() makes a file that its owner alone can read, and finds it again', async () => {
  await using folder = await openFolder()
  const first = openStateDatabase(folder.path, schema)
  first.prepare('insert into word values (?)').run('kept')
  assert.equal((await stat(folder.path)).mode & 0o777, 0o600)
  assert.equal((await stat(`${folder.path}-wal`)).mode & 0o777, 0o600)
  first.close()
  const second = openStateDatabase(folder.path, schema)
  assert.equal(second.prepare('select text from word').get()?.['text'], 'kept')
  second.close()
})

test('transact() keeps all of its work', async () => {
  await using folder = await openFolder()
  const database = openStateDatabase(folder.path, schema)
  const insert = database.prepare('insert into word values (?)')
  transact(database, () => ['a', 'b'].forEach((text) => insert.run(text)))
  assert.equal(database.prepare('select count(*) as words from word').get()?.['words'], 2)
  database.close()
})

test('transact() keeps nothing of work that throws, and the next one works', async () => {
  await using folder = await openFolder()
  const database = openStateDatabase(folder.path, schema)
  const insert = database.prepare('insert into word values (?)')
  assert.throws(() => transact(database, () => ['a', 'a'].forEach((text) => insert.run(text))), /UNIQUE/)
  transact(database, () => insert.run('b'))
  assert.deepEqual(
    database
      .prepare('select text from word')
      .all()
      .map(({ text }) => text),
    ['b'],
  )
  database.close()
})
