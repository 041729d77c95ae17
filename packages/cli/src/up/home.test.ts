import assert from 'node:assert/strict'
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { findHome, homePath, isLocked, lockHome } from './home.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

function isUsageFailure(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof CommandFailure && error.exitCode === exitCodes.usage && words.test(error.message)
}

test('homePath() is the option, else POP_HOME, else .pop', () => {
  assert.equal(homePath('/a', { POP_HOME: '/b' }), '/a')
  assert.equal(homePath(undefined, { POP_HOME: '/b' }), '/b')
  assert.equal(homePath(undefined, { POP_HOME: '' }), resolve('.pop'))
  assert.equal(homePath(undefined, {}), resolve('.pop'))
})

test('findHome() is what homePath() is, else the nearest .pop above that is of this user alone', async () => {
  await using folder = await makeTemporaryFolder()
  const here = join(folder.path, 'a', 'b')
  const above = join(folder.path, '.pop')
  await mkdir(here, { recursive: true })
  assert.equal(await findHome(undefined, {}, here), join(here, '.pop'))
  await mkdir(above, { mode: 0o700 })
  assert.equal(await findHome(undefined, {}, here), above)
  assert.equal(await findHome('/c', { POP_HOME: '/d' }, here), '/c')
  assert.equal(await findHome(undefined, { POP_HOME: '/d' }, here), '/d')
  await chmod(above, 0o755)
  assert.equal(await findHome(undefined, {}, here), join(here, '.pop'))
  await chmod(above, 0o700)
  await symlink(above, join(folder.path, 'a', '.pop'))
  assert.equal(await findHome(undefined, {}, here), above)
  await mkdir(join(here, '.pop'))
  assert.equal(await findHome(undefined, {}, here), join(here, '.pop'))
})

test('lockHome() ends with a clear failure where no folder can be made', async () => {
  await assert.rejects(lockHome('/proc/pop/home'), isUsageFailure(/cannot be made \(ENOENT\)\. Give another folder/))
})

test('lockHome() makes the folder for its owner alone and holds it until it is disposed', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'deep/home')
  assert.equal(await isLocked(path), false)
  {
    using home = await lockHome(path)
    assert.equal(home.path, path)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    assert.equal((await stat(join(path, 'lock.db'))).mode & 0o777, 0o600)
    assert.equal(await isLocked(path), true)
    await assert.rejects(lockHome(path), isUsageFailure(/runs already.*pop status/))
  }
  assert.equal(await isLocked(path), false)
  using again = await lockHome(path)
  assert.equal(again.path, path)
})

test('lockHome() locks the same home behind a link', async () => {
  await using folder = await makeTemporaryFolder()
  using home = await lockHome(join(folder.path, 'home'))
  await symlink(home.path, join(folder.path, 'link'))
  await assert.rejects(lockHome(join(folder.path, 'link')), isUsageFailure(/runs already/))
})

test('lockHome() takes a new folder in which a person has put settings', async () => {
  await using folder = await makeTemporaryFolder()
  await writeFile(join(folder.path, 'pop.yaml'), '')
  using home = await lockHome(folder.path)
  assert.equal(home.path, folder.path)
})

test('lockHome() refuses a file, an open folder, a folder of other things and a lock that is none', async () => {
  await using folder = await makeTemporaryFolder()
  const at = (name: string): string => join(folder.path, name)
  await writeFile(at('file'), '')
  await assert.rejects(lockHome(at('file')), isUsageFailure(/not a folder/))
  await mkdir(at('open'))
  await chmod(at('open'), 0o750)
  await assert.rejects(lockHome(at('open')), isUsageFailure(/mode 750.*chmod 700/))
  await assert.rejects(lockHome(folder.path), isUsageFailure(/other things \(file\)/))
  await symlink(at('nowhere'), at('dangling'))
  await assert.rejects(lockHome(at('dangling')), isUsageFailure(/cannot be made/))
  await mkdir(at('broken'), { mode: 0o700 })
  await writeFile(at('broken/lock.db'), 'not a database at all, but long enough to be taken for one'.repeat(40))
  await assert.rejects(lockHome(at('broken')), isUsageFailure(/lock\.db/))
})
