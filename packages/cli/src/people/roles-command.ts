import { Command } from 'commander'
import { isTextList } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { askPeople, pathOf, userOf } from './ask-people.ts'
import { endOf } from './show-user.ts'

const help = `
What the user has at Keycloak beside the roles of pop.yaml stays. Whoever loses a role is signed out: a token carries its roles to its
end. You cannot take from yourself what makes you an operator.

Examples:
  pop user roles ann user reader
  pop user roles ann --none --reason 'on leave'
`

/** `pop user roles`. */
export function rolesCommand(around: Surroundings): Command {
  return new Command('roles')
    .summary('set the roles of a user')
    .description('Gives a user exactly these roles of pop.yaml.')
    .argument('<user>', 'username or id')
    .argument('[role...]', 'all that the user is to have')
    .option('--none', 'no role at all')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', help)
    .action(async (user: string, roles: readonly string[], _options: unknown, command: Command) => {
      if (hasFlag(command, 'none') !== (roles.length === 0))
        throw usageFailure('give the roles, or --none for no role at all')
      const reason = textOption(command, 'reason')
      const body = { roles, ...(reason === undefined ? {} : { reason }) }
      const answer = await askPeople(command, around, { method: 'PUT', path: `${pathOf(user)}/roles`, body })
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      const { username, roles: held, inherited_roles: inherited } = userOf(answer)
      const more =
        isTextList(inherited, 1000, 255) && inherited.length > 0
          ? ` By a group or another role: ${inherited.join(', ')}.`
          : ''
      const now = isTextList(held, 1000, 255) && held.length > 0 ? held.join(', ') : 'none'
      await around.out.writeLine(printableLines(`Roles of ${String(username)}: ${now}.${more}${endOf(answer)}`))
    })
}
