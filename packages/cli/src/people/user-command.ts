import { Command } from 'commander'
import { isJsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { addCommand } from './add-command.ts'
import { askPeople, pathOf, userOf } from './ask-people.ts'
import { orderCommands } from './order-commands.ts'
import { rolesCommand } from './roles-command.ts'
import { showSessions, showUser, showUsers } from './show-user.ts'

const help = `
Whoever asks must be an operator; an auditor may list and show. A user is named by username or id, exactly. The users of the embedded
identity provider stand in dev-users.json and are not managed here.

Examples:
  pop user add ann --role user --email ann@example.org
  pop user show ann
  pop user disable ann --reason 'left the company'

The exit code is 0 when it is done, 1 where it is refused, 2 for a usage error, 3 when nobody answers.
`

/** `pop user`: the people who may sign in, at a Keycloak of one's own. */
export function userCommand(around: Surroundings): Command {
  const command = new Command('user')
    .helpCommand(false)
    .summary('people: add, change, lock out, let in')
    .description(
      'Manages the people at Keycloak, through the gateway. What ends somebody’s access ends it everywhere at once.',
    )
    .addHelpText('after', help)
    .addCommand(listCommand(around))
    .addCommand(showCommand(around))
    .addCommand(addCommand(around))
    .addCommand(rolesCommand(around))
  for (const order of orderCommands(around)) command.addCommand(order)
  return command.addCommand(sessionsCommand(around))
}

function listCommand(around: Surroundings): Command {
  return new Command('list')
    .summary('the users')
    .description('Lists users by name, a part at a time.')
    .option('--search <text>', 'only those whose username, name or e-mail address begins so')
    .option('--first <n>', 'leave out so many', '0')
    .option('--max <n>', 'show at most so many, 1 to 200', '50')
    .addHelpText('after', '\nExamples:\n  pop user list --search an\n  pop user list --first 50\n')
    .action(async (_options: unknown, command: Command) => {
      const query = new URLSearchParams()
      for (const name of ['search', 'first', 'max']) {
        const value = textOption(command, name)
        if (value !== undefined) query.set(name, value)
      }
      const answer = await askPeople(command, around, { method: 'GET', path: `?${query.toString()}` })
      const { users, more, first } = answer
      if (!Array.isArray(users) || !users.every(isJsonObject))
        throw new CommandFailure(exitCodes.refused, 'the gateway answered without a list: is it of another version?')
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      await showUsers(users, around.out)
      if (more === true) await around.err.writeLine(`There are more: --first ${Number(first) + users.length}`)
    })
}

function showCommand(around: Surroundings): Command {
  return new Command('show')
    .summary('one user')
    .description('Shows a user: roles, second factor, whether the account is locked, the last sessions.')
    .argument('<user>', 'username or id')
    .addHelpText('after', '\nExample:\n  pop user show ann\n')
    .action(async (user: string, _options: unknown, command: Command) => {
      const answer = await askPeople(command, around, { method: 'GET', path: pathOf(user) })
      if (hasFlag(command, 'json')) await writeJson(answer, around.out)
      else await showUser(userOf(answer), around.out, Date.now())
    })
}

function sessionsCommand(around: Surroundings): Command {
  return new Command('sessions')
    .summary('the sessions of a user')
    .description(
      'Lists the sessions of a user at Keycloak. `pop incident revoke --session ID` ends one of them, `pop user logout` all.',
    )
    .argument('<user>', 'username or id')
    .addHelpText('after', '\nExample:\n  pop user sessions ann\n')
    .action(async (user: string, _options: unknown, command: Command) => {
      const answer = await askPeople(command, around, { method: 'GET', path: `${pathOf(user)}/sessions` })
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      const { sessions } = answer
      await showSessions(Array.isArray(sessions) ? sessions.filter(isJsonObject) : [], around.out)
    })
}
