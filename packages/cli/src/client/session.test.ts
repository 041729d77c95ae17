import assert from 'node:assert/strict'
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { aroundPop } from '../commands/try-pop.ts'
import { withSessionLock } from './session-lock.ts'
import { makeSessionFolder, readSession, removeSession, sessionFolder, sessionPath, writeSession } from './session.ts'

const origin = 'https://localhost:8443'
const session = { gateway: origin, accessToken: 'a.b.c', refreshToken: 'r', expiresAtMs: 1_000, scope: 'openid' }

test('a session is for its owner only, and one for each gateway', async () => {
  await using around = await aroundPop()
  const { environment } = around
  await makeSessionFolder(environment)
  await writeSession(environment, session)
  assert.deepEqual(await readSession(environment, origin), session)
  assert.equal(await readSession(environment, 'https://localhost:8444'), undefined)
  const path = sessionPath(environment, origin)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(dirname(path))).mode & 0o777, 0o700)
  await removeSession(environment, origin)
  assert.equal(await readSession(environment, origin), undefined)
})

test('readSession() refuses a file that others can read, a link, another gateway and another shape', async () => {
  await using around = await aroundPop()
  const { environment } = around
  await makeSessionFolder(environment)
  await writeSession(environment, session)
  const path = sessionPath(environment, origin)
  await chmod(path, 0o640)
  await assert.rejects(readSession(environment, origin), { exitCode: 2, message: /chmod 600/ })
  await chmod(path, 0o600)
  const other = 'https://localhost:9443'
  await writeFile(sessionPath(environment, other), JSON.stringify({ version: 1, gateway: origin }), { mode: 0o600 })
  await assert.rejects(readSession(environment, other), { exitCode: 2, message: /is not a session at/ })
  await symlink(path, sessionPath(environment, 'https://localhost:1'))
  await assert.rejects(readSession(environment, 'https://localhost:1'), { exitCode: 2 })
})

test('makeSessionFolder() refuses a folder that others can enter', async () => {
  await using around = await aroundPop()
  await mkdir(sessionFolder(around.environment), { recursive: true, mode: 0o755 })
  await assert.rejects(makeSessionFolder(around.environment), { exitCode: 2, message: /chmod 700/ })
})

test('sessionFolder() follows XDG, ignores a relative path, and falls back to ~/.config', () => {
  assert.equal(sessionFolder({ XDG_CONFIG_HOME: '/x', HOME: '/h' }), join('/x', 'pop'))
  assert.equal(sessionFolder({ XDG_CONFIG_HOME: 'x', HOME: '/h' }), join('/h', '.config', 'pop'))
  assert.equal(sessionFolder({ HOME: '/h' }), join('/h', '.config', 'pop'))
})

test('withSessionLock() lets one in after the other, also after a failure', async () => {
  await using around = await aroundPop()
  let inside = 0
  const enter = (): Promise<void> =>
    withSessionLock(around.environment, origin, async () => {
      assert.equal(++inside, 1)
      await new Promise(setImmediate)
      inside--
    })
  await Promise.all([enter(), enter(), enter()])
  await assert.rejects(
    withSessionLock(around.environment, origin, () => Promise.reject(new Error('x'))),
    /x/,
  )
  await enter()
})
