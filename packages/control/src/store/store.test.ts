import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openStore } from './store.ts'

/** A store as the first version made it, before it counted its versions. */
const firstVersion = `
  create table workloads (
    spiffe_id text primary key, kind text not null, name text not null, enrolled_ms integer not null
  ) strict;
  insert into workloads values ('spiffe://pop.internal/gateway/g', 'gateway', 'g', 1);
`

test('openStore() brings a store of the first version up to the present one, and keeps what is in it', async () => {
  await using folder = await newFolder()
  const old = new DatabaseSync(folder.path)
  old.exec(firstVersion)
  old.close()
  for (const start of ['first', 'second']) {
    using store = openStore(folder.path)
    const row = store.database.prepare('select name, mesh_key from workloads').get()
    assert.deepEqual({ ...row }, { name: 'g', mesh_key: null }, `${start} start`)
  }
})

test('openStore() refuses a store of a later version, and leaves it as it is', async () => {
  await using folder = await newFolder()
  const later = new DatabaseSync(folder.path)
  later.exec(`${firstVersion} pragma user_version = 99`)
  later.close()
  assert.throws(() => openStore(folder.path), /version 99.*up to \d+/)
  const { user_version: version } = new DatabaseSync(folder.path).prepare('pragma user_version').get() ?? {}
  assert.equal(version, 99)
})

async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-store-'))
  return { path: join(folder, 'state.db'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}
