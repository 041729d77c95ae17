import { Command } from 'commander'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { findHome } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { devUsersPath, readDevUsers, type DevUser, type DevUsers } from './dev-users-file.ts'
import { totpCode, type TotpCode } from './totp.ts'

/** `pop dev`: the users that the first start made for development, and their codes. */
export function devCommand(around: Surroundings): Command {
  return new Command('dev')
    .helpCommand(false)
    .summary('users of development, and their codes')
    .description('Shows the secrets that the first start made at random for development.')
    .addCommand(usersCommand(around))
    .addCommand(passwordCommand(around))
    .addCommand(otpCommand(around))
}

function usersCommand({ out, environment }: Surroundings): Command {
  return new Command('users')
    .description('Shows the users and clients that were made at random for this home, with their secrets.')
    .action(async (_options: unknown, command: Command) => {
      const found = await requireUsers(command, environment)
      if (hasFlag(command, 'json')) await writeJson(found, out)
      else await showUsers(found, out)
    })
}

function passwordCommand({ out, environment }: Surroundings): Command {
  return new Command('password')
    .argument('<name>', 'a user of `pop dev users`')
    .description('Shows the password of a user alone, for scripts.')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { username, password } = await requireUser(name, command, environment)
      if (hasFlag(command, 'json')) await writeJson({ username, password }, out)
      else await out.writeLine(password)
    })
}

function otpCommand({ out, environment }: Surroundings): Command {
  return new Command('otp')
    .argument('<name>', 'a user of `pop dev users`')
    .description('Shows the present code of a user. It is good until its 30 seconds are over, and for one sign-in.')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { username, totp_secret: secret } = await requireUser(name, command, environment)
      if (secret === undefined) {
        const next = 'They set it up at their first sign-in: pop login --browser'
        throw usageFailure(`"${username}" has no second factor yet. ${next}`)
      }
      const { code, secondsLeft } = codeOf(secret, username)
      if (hasFlag(command, 'json')) await writeJson({ username, code, expires_in: secondsLeft }, out)
      else await out.writeLine(code)
    })
}

async function requireUser(name: string, command: Command, environment: Surroundings['environment']): Promise<DevUser> {
  const { users } = await requireUsers(command, environment)
  const user = users.find(({ username }) => username === name)
  if (user !== undefined) return user
  throw usageFailure(`there is no user "${name}". There are: ${users.map(({ username }) => username).join(', ')}`)
}

async function requireUsers(command: Command, environment: Surroundings['environment']): Promise<DevUsers> {
  const home = await findHome(textOption(command, 'home'), environment)
  const found = await readDevUsers(home)
  if (found !== undefined) return found
  const next = 'The first `pop up` with the embedded identity provider makes it'
  throw usageFailure(`there is no ${devUsersPath(home)}. ${next}`)
}

function codeOf(secret: string, name: string): TotpCode {
  try {
    return totpCode(secret, Date.now())
  } catch (error) {
    throw usageFailure(`the TOTP secret of "${name}" is not base32`, error)
  }
}

async function showUsers({ users, clients }: DevUsers, out: Output): Promise<void> {
  const titles = (names: readonly string[]) => names.map((title) => ({ title }))
  const people = users.map((user) => [
    user.username,
    user.password,
    user.totp_secret ?? '-',
    user.roles.join(', '),
    `user:${user.id}`,
  ])
  const programs = clients.map((client) => [client.client_id, client.client_secret, client.roles.join(', ')])
  await printTable(titles(['USER', 'PASSWORD', 'TOTP SECRET', 'ROLES', 'SUBJECT']), people, out)
  await out.writeLine('')
  await printTable(titles(['CLIENT', 'SECRET', 'ROLES']), programs, out)
  await out.writeLine(`\nPresent code of a user: npx pop dev otp ${users[0]?.username ?? 'NAME'}`)
}
