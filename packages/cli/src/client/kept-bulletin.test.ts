import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CommandFailure } from '../command-failure.ts'
import { aroundPop } from '../commands/try-pop.ts'
import { readKeptBulletin } from './kept-bulletin.ts'
import { notesPolicy, standInBulletin } from './stand-in-bulletin.ts'

test('readKeptBulletin() gives the sections with the changes that came after the snapshot', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  assert.equal(await readKeptBulletin(home), undefined)
  const changed = { ...notesPolicy, grants: {} }
  const change = { aud: 'gateways', epoch: 2, sequence: 6, previous: 5, issued: 9, section: 'policy', value: changed }
  const older = { ...change, epoch: 1, value: { ...notesPolicy, roles: {} } }
  await standInBulletin(home, { changes: [older, change], issued: 7 })
  const kept = await readKeptBulletin(home)
  assert.deepEqual([kept?.policy, kept?.heardMs], [changed, 9])
  assert.deepEqual(
    kept?.modules.map(({ manifest }) => manifest.name),
    ['notes'],
  )
})

test('readKeptBulletin() refuses what others can read, and what is no bulletin', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  await standInBulletin(home)
  await chmod(join(home, 'gateway', 'snapshot'), 0o644)
  await assert.rejects(
    readKeptBulletin(home),
    (error) => error instanceof CommandFailure && /chmod 600/.test(error.message),
  )
  await chmod(join(home, 'gateway', 'snapshot'), 0o600)
  for (const text of ['{}', 'no', '{"snapshot":"a.b.c","changes":[],"heartbeat":null}']) {
    await writeFile(join(home, 'gateway', 'snapshot'), text)
    await assert.rejects(readKeptBulletin(home), /not a kept bulletin/, text)
  }
  await standInBulletin(home, { policy: { roles: 7 } })
  await assert.rejects(readKeptBulletin(home), /not a kept bulletin/)
})
