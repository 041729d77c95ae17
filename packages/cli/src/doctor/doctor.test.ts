import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { aroundPop } from '../commands/try-pop.ts'

test('pop doctor works where nothing runs, and fails nothing for it', async () => {
  await using around = await aroundPop()
  const { code, stdout, stderr } = await around.pop(['doctor'])
  assert.deepEqual([code, stderr], [0, ''])
  for (const check of ['home', 'keys', 'processes', 'gateway', 'tls', 'clocks', 'provider', 'modules'])
    assert.match(stdout, new RegExp(`^skip  ${check} `, 'm'))
  assert.match(stdout, /^ok {4}runtime {5}Node v/m)
})

test('pop doctor exits with 1 for what fails, and says what to do', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  await mkdir(home, { mode: 0o700 })
  await chmod(home, 0o755)
  const bad = join(around.folder, 'pop.yaml')
  await writeFile(bad, 'colour: red\n')
  const { code, stdout, stderr } = await around.pop(['doctor', '--config', bad])
  assert.equal(code, 1)
  assert.match(stdout, /^fail  home .+\n +→ chmod -R go= /m)
  assert.match(stdout, /^fail  settings .+colour: unknown key/m)
  assert.match(stderr, /pop: \d checks fail\n/)
  const report = JSON.parse((await around.pop(['doctor', '--config', bad, '--json'])).stdout)
  assert.equal(report.ok, false)
  const failed = report.findings.filter(({ state }: { state: string }) => state === 'fail')
  assert.ok(failed.every(({ remedy }: { remedy?: string }) => typeof remedy === 'string'))
})

test('pop doctor goes on where one check cannot read what it looks at', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  await mkdir(home, { mode: 0o700 })
  await writeFile(join(home, 'run.json'), 'no', { mode: 0o600 })
  const { code, stdout } = await around.pop(['doctor'])
  assert.equal(code, 1)
  assert.match(stdout, /^fail  lock .+run\.json is not in the shape of version 1/m)
  assert.match(stdout, /^skip  separation /m)
})
