import assert from 'node:assert/strict'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { aroundPop } from './try-pop.ts'

test('pop init writes settings that are good, and never over a file without --force', async () => {
  await using around = await aroundPop()
  const file = join(around.folder, 'pop.yaml')
  const first = await around.pop(['init', file])
  assert.deepEqual([first.code, first.stderr], [0, ''])
  assert.match(first.stdout, /^Wrote .+pop\.yaml, for development\.\n/)
  assert.equal((await around.pop(['config', 'check', file])).code, 0)
  await writeFile(file, 'mine')
  const again = await around.pop(['init', file])
  assert.equal(again.code, 2)
  assert.match(again.stderr, /is there already: .+--force/)
  assert.equal(await readFile(file, 'utf8'), 'mine')
  assert.equal((await around.pop(['init', '--force', '--environment', 'production', file])).code, 0)
  assert.match(await readFile(file, 'utf8'), /^environment: production$/m)
})

test('pop init refuses a folder that is not there, an environment that it does not know, and to follow a link', async () => {
  await using around = await aroundPop()
  const absent = await around.pop(['init', join(around.folder, 'none', 'pop.yaml')])
  assert.equal(absent.code, 2)
  assert.match(absent.stderr, /its folder is not there/)
  const other = await around.pop(['init', '--environment', 'staging', join(around.folder, 'x')])
  assert.equal(other.code, 2)
  assert.match(other.stderr, /Allowed choices are development, production/)
  const target = join(around.folder, 'target')
  await writeFile(target, 'mine')
  await symlink(target, join(around.folder, 'link'))
  assert.equal((await around.pop(['init', join(around.folder, 'link')])).code, 2)
  await around.pop(['init', '--force', join(around.folder, 'link')])
  assert.equal(await readFile(target, 'utf8'), 'mine')
})
