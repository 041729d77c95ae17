import { Command } from 'commander'
import { readSecret } from '../client/read-stdin.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { askPeople, userOf } from './ask-people.ts'
import { tellPassword } from './show-user.ts'

const help = `
The first sign-in (pop login --browser) asks for another password and, with require_2fa, sets up the second factor.

Examples:
  pop user add ann --role user --email ann@example.org
  printf %s "$PASSWORD" | pop user add ben --role reader --password-stdin
`

/** `pop user add`. */
export function addCommand(around: Surroundings): Command {
  return new Command('add')
    .summary('add a user')
    .description(
      'Adds a user with a password for the first sign-in: one that is made and shown once, or the one on standard input.',
    )
    .argument('<username>', 'the name to sign in with')
    .option('--role <role...>', 'roles of pop.yaml; none unless told')
    .option('--email <address>', 'e-mail address')
    .option('--first-name <name>', 'first name')
    .option('--last-name <name>', 'last name')
    .option('--password-stdin', 'the password for the first sign-in, from standard input')
    .addHelpText('after', help)
    .action(async (username: string, _options: unknown, command: Command) => {
      const { role: roles = [] } = command.opts<{ role?: readonly string[] }>()
      const password = hasFlag(command, 'passwordStdin') ? await readSecret(around, '--password-stdin') : undefined
      const texts = { email: 'email', first_name: 'firstName', last_name: 'lastName' }
      const given = Object.entries(texts).flatMap(([member, option]) => {
        const value = textOption(command, option)
        return value === undefined ? [] : [[member, value] as const]
      })
      const body = { username, roles, ...Object.fromEntries(given), ...(password === undefined ? {} : { password }) }
      const answer = await askPeople(command, around, { method: 'POST', path: '', body })
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      const { username: name, id } = userOf(answer)
      const held = roles.length === 0 ? 'no roles' : roles.join(', ')
      await around.out.writeLine(printableLines(`Added: ${String(name)} (${String(id)}), ${held}.`))
      await tellPassword(answer, around.out)
    })
}
