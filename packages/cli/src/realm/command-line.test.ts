import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addAdministratorOptions } from './administrator.ts'
import { applyLine } from './command-line.ts'

async function lineOf(words: readonly string[], ...more: readonly string[]): Promise<string> {
  let line = ''
  const plan = addAdministratorOptions(new Command('plan')).option('--without-users')
  plan.action((_options: unknown, command: Command) => void (line = applyLine(command, ...more)))
  await new Command('pop').option('--home <dir>').addCommand(plan).parseAsync(words, { from: 'user' })
  return line
}

const cases: readonly (readonly [string, readonly string[], string])[] = [
  ['nothing beside what was given', ['plan'], 'pop realm apply'],
  [
    'every option that was given',
    ['--home', '/srv/pop', 'plan', '--config', 'a.yaml', '--admin-client', 'maker', '--admin-realm', 'ops'],
    'pop realm apply --home /srv/pop --config a.yaml --admin-client maker --admin-realm ops',
  ],
  [
    'no option of standard input, since who pastes it is asked',
    ['plan', '--admin-user', 'admin', '--admin-secret-stdin', '--without-users'],
    'pop realm apply --admin-user admin --without-users',
  ],
  [
    'what a shell would take apart, as one word',
    ['plan', '--config', "my pop's.yaml", '--admin-user', '$(id)'],
    String.raw`pop realm apply --config 'my pop'\''s.yaml' --admin-user '$(id)'`,
  ],
]
for (const [name, words, line] of cases) {
  test(`applyLine() has ${name}`, async () => assert.equal(await lineOf(words), line))
}

test('applyLine() has what is wanted besides at its end', async () => {
  assert.equal(await lineOf(['plan', '--config', 'a'], '--prune'), 'pop realm apply --config a --prune')
})
