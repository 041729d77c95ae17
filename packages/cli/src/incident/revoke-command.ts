import { Command } from 'commander'
import { readRevocationRequest } from '@pop-api/protocol'
import { decodeToken } from '../client/decode-token.ts'
import { readSecret } from '../client/read-stdin.ts'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { askIncidents } from './ask-incidents.ts'
import { subjectOf } from '../people/ask-people.ts'
import { dryLines, orderedLines, readRevocation } from './show-revocation.ts'

const help = `
Whoever orders must be an operator: the key operators of pop.yaml says which roles are. Every gateway and module refuses within a
second, and what is under way is cut. By user and client it ends what was issued, or signed in, up to five seconds from now; who signs
in later is let in. By session, token and key it ends everything that carries it. A token itself is never sent: only its id is.

Examples:
  pop incident revoke --user ann --reason 'laptop lost'
  pop incident revoke --user user:3f0c… --reason 'laptop lost'
  pop incident revoke --token-stdin --reason 'token in a bug report' < token
  pop incident revoke --client pop-cli --reason 'bad release' --dry-run

The exit code is 0 when it is in force, 1 where it is refused, 2 for a usage error, 3 when nobody answers.
`

const targets = ['user', 'session', 'client', 'key'] as const

/** `pop incident revoke`: an operator ends tokens before their time. */
export function revokeCommand(around: Surroundings): Command {
  return new Command('revoke')
    .summary('end tokens before their time')
    .description('Revokes a user, a session, a client, a token or a key of the provider, everywhere.')
    .option('--user <subject>', 'by username (with Keycloak), or by subject: user:ID, or client:ID of a service client')
    .option('--session <sid>', 'by the sid of a session')
    .option('--client <id>', 'by the client that tokens were issued to')
    .option('--token-stdin', 'the one token on standard input')
    .option('--key <kid>', 'everything that a key of the provider signed')
    .requiredOption('--reason <text>', 'why, for the audit log and for other operators')
    .option('--dry-run', 'only tell whom it would meet')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => await revoke(command, around))
}

async function revoke(command: Command, around: Surroundings): Promise<void> {
  const target = await named(await targetOf(command, around), command, around)
  const isDry = hasFlag(command, 'dryRun')
  const body = { ...target, reason: textOption(command, 'reason') ?? '', ...(isDry ? { dry_run: true } : {}) }
  const read = readRevocationRequest(body)
  // Told here, so that nothing is sent which the gateway would refuse.
  if (!read.ok) throw usageFailure(read.detail)
  const answer = await askIncidents(command, around, { method: 'POST', path: '/revocations', body })
  if (hasFlag(command, 'json')) {
    await writeJson(answer, around.out)
    return
  }
  const revocation = readRevocation(answer['revocation'])
  const lines = isDry ? dryLines(revocation, answer['at_this_gateway']) : orderedLines(revocation, Date.now())
  await around.out.write(printableLines(`${lines.join('\n')}\n`))
}

const subjectShape = /^(user|client):/

/** The same target, of a user by subject: a username is looked up where the gateway manages users. */
async function named(
  target: Readonly<Record<string, string>>,
  command: Command,
  around: Surroundings,
): Promise<Readonly<Record<string, string>>> {
  const { user } = target
  if (user === undefined || user === '' || subjectShape.test(user)) return target
  const subject = await subjectOf(command, around, user)
  if (subject !== undefined) return { user: subject }
  const where = 'pop dev users shows it of users of development, pop token show that of a token'
  throw usageFailure(`this gateway manages no users: name ${user} by subject, user:ID. ${where}`)
}

/** The one target of the words. Throws a CommandFailure (usage) for none, or several. */
async function targetOf(command: Command, around: Surroundings): Promise<Readonly<Record<string, string>>> {
  const named = targets.flatMap((name) => {
    const value = textOption(command, name)
    return value === undefined ? [] : [{ [name]: value }]
  })
  const isToken = hasFlag(command, 'tokenStdin')
  if (named.length + Number(isToken) !== 1)
    throw usageFailure('give exactly one of --user, --session, --client, --token-stdin and --key')
  return named[0] ?? { token: await tokenId(around) }
}

/** The jti of the token on standard input, which itself goes nowhere. */
async function tokenId(around: Surroundings): Promise<string> {
  const decoded = decodeToken(await readSecret(around, '--token-stdin'))
  const jti = decoded.ok ? decoded.claims['jti'] : undefined
  if (typeof jti === 'string') return jti
  throw usageFailure('--token-stdin found no token with a jti: revoke its session or its user instead')
}
