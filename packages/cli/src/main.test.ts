import assert from 'node:assert/strict'
import { test } from 'node:test'
import manifest from '../package.json' with { type: 'json' }
import { commandHelps } from './command-helps.ts'
import { aroundPop } from './commands/try-pop.ts'

test('pop --help shows commands and exit codes, and pop alone the same on standard error', async () => {
  await using around = await aroundPop()
  const help = await around.pop(['--help'])
  assert.equal(help.code, 0)
  for (const name of [
    'init',
    'up',
    'doctor',
    'login',
    'call',
    'operations',
    'audit',
    'explain',
    'policy',
    'config',
    'completion',
  ])
    assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'))
  assert.match(help.stdout, /^Exit codes:\n {2}0 {2}done\n {2}1 {2}refused/m)
  assert.deepEqual(await around.pop([]), { code: 2, stdout: '', stderr: help.stdout })
  const asked = await around.pop(['help', 'call'])
  assert.deepEqual([asked.code, asked.stderr], [0, ''])
  assert.match(asked.stdout, /^Usage: pop call /)
})

test('commandHelps() has what stands below a help, such as exit codes and ports', () => {
  const helps = new Map(commandHelps().map(({ name, help }) => [name, help]))
  assert.match(helps.get('pop') ?? '', /\nExit codes:\n {2}0 {2}done\n/)
  assert.match(helps.get('pop up') ?? '', /\nPorts, in the order[^]+gateway \(8443\)/)
  assert.match(helps.get('pop status') ?? '', /Exit codes: 0 all is well/)
  assert.doesNotMatch(helps.get('pop logout') ?? '', /Exit codes/)
})

test('pop --version tells the version, also for programs', async () => {
  await using around = await aroundPop()
  const { version } = manifest
  assert.deepEqual(await around.pop(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  const json = await around.pop(['--version', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), { version, node: process.version })
})

test('pop refuses words that it does not know, with a suggestion', async () => {
  await using around = await aroundPop()
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['logni'], "pop: unknown command 'logni'. Did you mean login? See: pop --help\n"],
    [['token', 'shwo'], "pop: unknown command 'shwo'. Did you mean show? See: pop token --help\n"],
    [['call', 'GET'], "pop: missing required argument 'path'. See: pop call --help\n"],
    [
      ['call', 'GET', 'x'],
      'pop: the argument path cannot be \'x\'. Give a path that begins with "/", without the gateway. See: pop call --help\n',
    ],
    [['call', 'GET', '/', '--dta', 'x'], "pop: unknown option '--dta'. Did you mean --data? See: pop call --help\n"],
    [
      ['logout', 'now'],
      "pop: too many arguments for 'logout'. Expected 0 arguments but got 1: now. See: pop logout --help\n",
    ],
  ]
  for (const [words, stderr] of cases) assert.deepEqual(await around.pop(words), { code: 2, stdout: '', stderr })
  const json = await around.pop(['logni', '--json'])
  assert.equal(JSON.parse(json.stderr).exit_code, 2)
})
