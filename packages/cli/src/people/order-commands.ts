import { Command } from 'commander'
import { readSecret } from '../client/read-stdin.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { askPeople, pathOf, userOf } from './ask-people.ts'
import { endOf, tellPassword } from './show-user.ts'

/** An order about one user that needs no more than the name. */
interface Order {
  readonly verb: string
  readonly summary: string
  readonly description: string
  /** What is told once it is done, before the name. */
  readonly done: string
  readonly example: string
}

const orders: readonly Order[] = [
  {
    verb: 'disable',
    summary: 'let a user in no more',
    description: 'Ends at once all that a user holds, and lets the user sign in no more. You cannot disable yourself.',
    done: 'Disabled',
    example: "pop user disable ann --reason 'left the company'",
  },
  {
    verb: 'enable',
    summary: 'let a user in again',
    description: 'Lets a user who was disabled sign in again. What was ended stays so.',
    done: 'Enabled',
    example: 'pop user enable ann',
  },
  {
    verb: 'unlock',
    summary: 'forget failed sign-ins',
    description: 'Forgets the failures that lock the account of a user, who can sign in at once.',
    done: 'Unlocked',
    example: 'pop user unlock ann',
  },
  {
    verb: 'reset-2fa',
    summary: 'take away the second factor',
    description:
      'Takes the second factor of a user away and ends all that the user holds. The next sign-in sets up another: whoever knows the ' +
      'password can do that, so where it may be known too, reset it as well. You cannot reset your own.',
    done: 'Second factor taken away',
    example: "pop user reset-2fa ann --reason 'lost the phone'",
  },
  {
    verb: 'logout',
    summary: 'end all that a user holds',
    description: 'Ends every session and token of a user, who can sign in again six seconds later.',
    done: 'Signed out',
    example: 'pop user logout ann',
  },
]

/** Every order about one user. */
export function orderCommands(around: Surroundings): readonly Command[] {
  return [...orders.map((order) => orderCommand(order, around)), resetPasswordCommand(around)]
}

function orderCommand({ verb, summary, description, done, example }: Order, around: Surroundings): Command {
  return new Command(verb)
    .summary(summary)
    .description(description)
    .argument('<user>', 'username or id')
    .option('--reason <text>', 'why, for the audit log and for other operators')
    .addHelpText('after', `\nExample:\n  ${example}\n`)
    .action(
      async (user: string, _options: unknown, command: Command) => await give(user, { verb, done }, command, around),
    )
}

function resetPasswordCommand(around: Surroundings): Command {
  const order = { verb: 'reset-password', done: 'Password reset' }
  return new Command(order.verb)
    .summary('give a user another password')
    .description(
      'Gives a user another password, made and shown once or taken from standard input, and ends all that the user holds. It is good ' +
        'for one sign-in, which asks for a new one. You cannot reset your own.',
    )
    .argument('<user>', 'username or id')
    .option('--password-stdin', 'the password, from standard input')
    .option('--reason <text>', 'why, for the audit log and for other operators')
    .addHelpText(
      'after',
      '\nExamples:\n  pop user reset-password ann\n  printf %s "$PASSWORD" | pop user reset-password ann --password-stdin\n',
    )
    .action(async (user: string, _options: unknown, command: Command) => {
      const isPiped = hasFlag(command, 'passwordStdin')
      const more = isPiped ? { password: await readSecret(around, '--password-stdin') } : {}
      await give(user, order, command, around, more)
    })
}

/** Gives the order and tells what came of it. */
async function give(
  user: string,
  { verb, done }: Pick<Order, 'verb' | 'done'>,
  command: Command,
  around: Surroundings,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const reason = textOption(command, 'reason')
  const body = { ...more, ...(reason === undefined ? {} : { reason }) }
  const answer = await askPeople(command, around, { method: 'POST', path: `${pathOf(user)}/${verb}`, body })
  if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
  await around.out.writeLine(printableLines(`${done}: ${String(userOf(answer)['username'])}.${endOf(answer)}`))
  await tellPassword(answer, around.out)
}
