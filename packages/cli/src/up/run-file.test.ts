import assert from 'node:assert/strict'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { outliveOrphans, readFamily, removeFamily, writeFamily } from './family.ts'
import { readOwnFile, writeOwnFile } from './own-file.ts'
import { readRunFile, removeRunFile, writeRunFile, type RunFile } from './run-file.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const run: RunFile = {
  version: 1,
  supervisor: { pid: 1 },
  processes: { control: { pid: 2, starts: 1, ready: true } },
  gateway: 'https://localhost:8443',
  operations: 'http://127.0.0.1:9443',
  control: 'https://127.0.0.1:7443',
  admin: 'https://127.0.0.1:7445',
  issuer: 'https://localhost:8444/realms/pop',
  modules: { kafka_service: 'https://127.0.0.1:7101' },
  ca: '/home/ca.pem',
}

test('readRunFile() gives what writeRunFile() wrote, and nothing once it is removed', async () => {
  await using folder = await makeTemporaryFolder()
  await writeRunFile(folder.path, run)
  assert.deepEqual(await readRunFile(folder.path), run)
  const withCertificates = { ...run, gatewayMtls: 'https://localhost:8446' }
  await writeRunFile(folder.path, withCertificates)
  assert.deepEqual(await readRunFile(folder.path), withCertificates)
  await removeRunFile(folder.path)
  await removeRunFile(folder.path)
  assert.equal(await readRunFile(folder.path), undefined)
})

test('readRunFile() refuses what is not in the shape of version 1', async () => {
  await using folder = await makeTemporaryFolder()
  const changes = [
    { version: 2 },
    { supervisor: {} },
    { processes: { control: { pid: '2', starts: 1, ready: true } } },
    { processes: { control: { pid: 2, ready: true } } },
    { processes: { control: { pid: 2, starts: 1 } } },
    { gatewayMtls: 8446 },
    { modules: { kafka_service: 7101 } },
    { gateway: '' },
    { ca: undefined },
  ]
  for (const change of changes) {
    await writeOwnFile(join(folder.path, 'run.json'), JSON.stringify({ ...run, ...change }))
    await assert.rejects(readRunFile(folder.path), /version 1/, JSON.stringify(change))
  }
})

test('readOwnFile() refuses a link, a folder and a file that others can read', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'secret')
  assert.equal(await readOwnFile(path), undefined)
  await writeOwnFile(path, 'text')
  assert.equal(await readOwnFile(path), 'text')
  await symlink(path, join(folder.path, 'link'))
  await assert.rejects(readOwnFile(join(folder.path, 'link')), /ELOOP/)
  await mkdir(join(folder.path, 'folder'), { mode: 0o700 })
  await assert.rejects(readOwnFile(join(folder.path, 'folder')), /not a file/)
  await chmod(path, 0o640)
  await assert.rejects(readOwnFile(path), /chmod 600/)
})

test('outliveOrphans() waits for nobody when all have stopped, and not for ever for a number in use', async () => {
  await using folder = await makeTemporaryFolder()
  await outliveOrphans(folder.path)
  await writeFamily(folder.path, { supervisor: 1, children: [process.pid] })
  assert.deepEqual(await readFamily(folder.path), { supervisor: 1, children: [process.pid] })
  await outliveOrphans(folder.path, 100)
  await removeFamily(folder.path)
  assert.equal(await readFamily(folder.path), undefined)
  await writeFile(join(folder.path, 'family.json'), '[]', { mode: 0o600 })
  assert.equal(await readFamily(folder.path), undefined)
})
