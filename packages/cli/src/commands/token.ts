import { Argument, Command } from 'commander'
import type { JsonObject } from '@pop-api/protocol'
import { decodeToken, holderOf } from '../client/decode-token.ts'
import { findGateway } from '../client/gateway.ts'
import { presentSession } from '../client/present-session.ts'
import { readSecret } from '../client/read-stdin.ts'
import { readSession } from '../client/session.ts'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { indentJson } from '../print/json-text.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printPairs } from '../print/table.ts'
import { isEpochSeconds, readableTime } from '../print/time.ts'
import { hasFlag } from '../up/words.ts'
import { testCommand } from './token-test.ts'

/** `pop token`: what is kept of a sign-in. */
export function tokenCommand(around: Surroundings): Command {
  const token = new Command('token')
    .helpCommand(false)
    .summary('show, decode or make a token')
    .description('Looks at tokens.')
  token.addCommand(showCommand(around)).addCommand(decodeCommand(around)).addCommand(testCommand(around))
  return token
}

function showCommand(around: Surroundings): Command {
  return new Command('show')
    .summary('who is signed in, and until when')
    .description(
      'Tells who is signed in at the gateway, with which roles and until when. Asks nobody, unless --raw is given.',
    )
    .option('--raw', 'print the access token alone, renewed if it ends soon')
    .addHelpText('after', '\nExample:\n  curl -H "Authorization: Bearer $(pop token show --raw)" …\n')
    .action(async (_options: unknown, command: Command) => {
      if (hasFlag(command, 'raw')) await showRaw(command, around)
      else await show(command, around)
    })
}

async function showRaw(command: Command, around: Surroundings): Promise<void> {
  const { accessToken } = await presentSession(await findGateway(command, around.environment), around.environment)
  if (hasFlag(command, 'json')) await writeJson({ access_token: accessToken }, around.out)
  else await around.out.writeLine(accessToken)
}

async function show(command: Command, { environment, out }: Surroundings): Promise<void> {
  const { origin } = await findGateway(command, environment)
  const session = await readSession(environment, origin)
  if (session === undefined) throw usageFailure(`nobody is signed in at ${origin}: run \`pop login\` first`)
  const { name, subject, roles, acr } = holderOf(session.accessToken)
  const { scope, expiresAtMs } = session
  const isRenewable = session.refreshToken !== undefined
  if (hasFlag(command, 'json')) {
    const expires_at = new Date(expiresAtMs).toISOString()
    await writeJson(
      { gateway: origin, user: name, subject, roles, scope, acr, expires_at, renewable: isRenewable },
      out,
    )
    return
  }
  await printPairs(
    [
      ['gateway', origin],
      ['user', name],
      ['subject', subject],
      ['roles', roles.length === 0 ? '-' : roles.join(', ')],
      ['scope', scope ?? '-'],
      ['second factor', acr === 'pop-mfa' ? 'yes' : 'no'],
      ['until', readableTime(expiresAtMs, Date.now())],
      ['renewal', isRenewable ? 'by itself' : 'none: sign in again'],
    ],
    out,
  )
}

function decodeCommand(around: Surroundings): Command {
  return new Command('decode')
    .summary('header and claims of a token; verifies nothing')
    .description('Shows header and claims of a JWT as they are. Nothing is verified: do not decide by what it prints.')
    .addArgument(new Argument('[token]', 'a token, or - for standard input; without it, the one that is kept'))
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const decoded = decodeToken((await tokenToDecode(given, command, around)).replace(/^Bearer +/i, ''))
      if (!decoded.ok) throw usageFailure(`this is not a JWT: ${decoded.reason}`)
      const { header, claims } = decoded
      const times = timesOf(claims)
      if (hasFlag(command, 'json')) await writeJson({ verified: false, header, claims, times }, around.out)
      else await printDecoded(header, claims, around)
    })
}

async function tokenToDecode(given: string | undefined, command: Command, around: Surroundings): Promise<string> {
  if (given === '-') return await readSecret(around, 'token decode -')
  if (given !== undefined) return given
  const { origin } = await findGateway(command, around.environment)
  const session = await readSession(around.environment, origin)
  if (session !== undefined) return session.accessToken
  throw usageFailure(`nobody is signed in at ${origin}: give a token, or - for standard input`)
}

async function printDecoded(header: JsonObject, claims: JsonObject, { out }: Surroundings): Promise<void> {
  const part = (title: string, value: JsonObject): string =>
    `${out.paint('bold', title)}\n${printableLines(indentJson(JSON.stringify(value)) ?? '')}\n`
  await out.writeLine(out.paint('yellow', 'Not verified: this is what the token says about itself.'))
  await out.write(part('Header', header) + part('Claims', claims))
  const pairs = timeClaims.flatMap(([name, meaning]) => {
    const value = claims[name]
    return isEpochSeconds(value) ? [[meaning, readableTime(value * 1000, Date.now())] as const] : []
  })
  if (pairs.length === 0) return
  await out.writeLine(out.paint('bold', 'Times'))
  await printPairs(pairs, out)
}

/** RFC 7519 section 4.1, and `auth_time` of OpenID Connect. */
const timeClaims = [
  ['auth_time', 'signed in'],
  ['iat', 'issued'],
  ['nbf', 'not before'],
  ['exp', 'ends'],
] as const

function timesOf(claims: JsonObject): Readonly<Record<string, string>> {
  const times = timeClaims.flatMap(([name]) => {
    const value = claims[name]
    return isEpochSeconds(value) ? [[name, new Date(value * 1000).toISOString()] as const] : []
  })
  return Object.fromEntries(times)
}
