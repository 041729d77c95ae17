import { Command, InvalidArgumentError } from 'commander'
import { isTestName, testLifeSecondsMax } from '@pop-api/protocol'
import { documentOf, readBody, refusal } from '../client/answer.ts'
import { exchange } from '../client/exchange.ts'
import { findGateway } from '../client/gateway.ts'
import { presentSession } from '../client/present-session.ts'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import { readDevUsers } from '../dev/dev-users-file.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { findHome } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'

const answerBytesMax = 64 * 1024

const examples = `
Whoever asks must be signed in and hold modify_settings. The token acts as nobody that there is: what a user owns is not its own.

Examples:
  pop token test --role reader
  curl -H "Authorization: Bearer $(pop token test --user bob --life 60)" …

The exit code is 0 for a token, 1 where it is refused, 2 for a usage error, 3 when nobody answers.
`

/** `pop token test`: a token of a made-up person, where the environment in force allows it. */
export function testCommand(around: Surroundings): Command {
  return new Command('test')
    .summary('make a test token (development)')
    .description(
      'Prints a token that is good for some minutes, with the roles that are named and nothing else. Only an environment with ' +
        'allow_test_tokens makes and takes such tokens; elsewhere asking for one is refused and recorded as an incident.',
    )
    .option('--user <name>', 'with the name and the roles of a user of development', parseName)
    .option('--role <role...>', 'with these roles')
    .option('--life <seconds>', `how long it is good, 1 to ${testLifeSecondsMax}`, parseLife, testLifeSecondsMax)
    .addHelpText('after', examples)
    .action(async (_options: unknown, command: Command) => await printTestToken(command, around))
}

async function printTestToken(command: Command, around: Surroundings): Promise<void> {
  const wanted = { ...(await personOf(command, around)), life_seconds: lifeOf(command) }
  const gateway = await findGateway(command, around.environment)
  const { accessToken } = await presentSession(gateway, around.environment)
  const content = Buffer.from(JSON.stringify(wanted), 'utf8')
  const headers = {
    'user-agent': 'pop',
    accept: 'application/json',
    authorization: `Bearer ${accessToken}`,
    'content-type': 'application/json',
    'content-length': String(content.length),
  }
  using answer = await exchange(gateway, { method: 'POST', path: '/v1/pop/test-tokens', headers, body: content })
  const body = await readBody(answer, gateway, answerBytesMax)
  if (answer.status >= 400) throw refusal(answer, body)
  const { access_token: token, subject, roles, expires_in: seconds } = documentOf(body) ?? {}
  if (typeof token !== 'string' || !/^[\w.-]+$/.test(token) || typeof seconds !== 'number') {
    throw new CommandFailure(exitCodes.refused, `${gateway.origin} answered without a token: is it of another version?`)
  }
  if (hasFlag(command, 'json')) {
    const expires_at = new Date(Date.now() + seconds * 1000).toISOString()
    await writeJson({ access_token: token, subject, roles, expires_at }, around.out)
  } else await around.out.writeLine(token)
}

/** Who it is to be, by the one of the two options that was given. Throws a CommandFailure (usage). */
async function personOf(
  command: Command,
  { environment }: Surroundings,
): Promise<{ readonly name?: string; readonly roles: readonly string[] }> {
  const { role: roles } = command.opts<{ role?: readonly string[] }>()
  const name = textOption(command, 'user')
  if (name !== undefined && roles !== undefined) throw usageFailure('give --user or --role, not both')
  if (roles !== undefined) return { roles }
  if (name === undefined) throw usageFailure('give --user NAME for a user of development, or --role ROLE')
  const home = await findHome(textOption(command, 'home'), environment)
  const users = (await readDevUsers(home))?.users ?? []
  const found = users.find(({ username }) => username === name)
  if (found !== undefined) return { name, roles: found.roles }
  const known = users.map(({ username }) => username).join(', ')
  throw usageFailure(
    known === ''
      ? `there are no users of development in ${home}: give another folder with --home, or --role ROLE`
      : `there is no user of development "${name}" in ${home}. There are: ${known}`,
  )
}

function lifeOf(command: Command): number {
  const { life } = command.opts<{ life?: unknown }>()
  return typeof life === 'number' ? life : testLifeSecondsMax
}

function parseLife(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (seconds >= 1 && seconds <= testLifeSecondsMax) return seconds
  throw new InvalidArgumentError(`Give a number of seconds from 1 to ${testLifeSecondsMax}.`)
}

function parseName(text: string): string {
  if (isTestName(text)) return text
  throw new InvalidArgumentError('A name has letters, digits, dots, underscores, hyphens and @, at most 64.')
}
