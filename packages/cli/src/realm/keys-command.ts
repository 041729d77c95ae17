import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { findSettings } from '../up/find-settings.ts'
import { homePath } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { addAdministratorOptions, readAdministrator } from './administrator.ts'
import { orderRealm } from './realm-program.ts'
import { caOf, placeOf, realmRequest } from './realm-request.ts'

const help = `
A new key signs at once and those before it go on to verify. Once the longest life of a token is over (security_config.token_expiration,
an hour unless you changed it), take the old ones away. A key that leaked is retired at once: everybody signs in again.

Examples:
  pop realm keys --admin-user admin
  pop realm keys --rotate --admin-user admin
  pop realm keys --retire --admin-user admin
`

/** `pop realm keys`: what signs the tokens of the realm. */
export function keysCommand(around: Surroundings): Command {
  return addAdministratorOptions(new Command('keys'))
    .summary('show, rotate and retire the keys that sign tokens')
    .description(
      'Shows the signing keys of the realm: those that sign, and those that only verify what they signed before.',
    )
    .option('--rotate', 'make a new key that signs from now on')
    .option('--retire', 'take away every key that only verifies: what it signed is refused')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => {
      const [rotate, retire] = [hasFlag(command, 'rotate'), hasFlag(command, 'retire')]
      if (rotate && retire)
        throw usageFailure('give --rotate or --retire, not both: tokens in use were signed by the old key')
      const home = homePath(textOption(command, 'home'), around.environment)
      const found = await findSettings(textOption(command, 'config'), home)
      const order = {
        verb: rotate ? 'rotate-keys' : retire ? 'retire-keys' : 'keys',
        request: await realmRequest({ home, ...found, environment: around.environment, bringsUsers: false }),
        administrator: await readAdministrator(command, placeOf(found.settings).server, around),
        ...(await caOf(found)),
      }
      const answer = await orderRealm(order, around.environment, () => undefined)
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      await printTable([{ title: 'KEY' }, { title: 'STATE' }], rowsOf(answer), around.out)
    })
}

function rowsOf({ keys }: JsonObject): readonly (readonly string[])[] {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : []
  return list.filter(isJsonObject).map(({ name, state }) => [String(name), String(state)])
}
