import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { findSettings } from '../up/find-settings.ts'
import { homePath } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { addAdministratorOptions, readAdministrator } from './administrator.ts'
import { readIssuerCa } from './issuer-roots.ts'
import { orderRealm } from './realm-program.ts'
import { placeOf, realmRequest } from './realm-request.ts'

const help = `
signs: new tokens; waits: it would sign, were the one above away; verifies: only what it signed before; off: nothing.
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
      'Shows the RSA keys of the realm: the one that signs, and those that only verify what they signed before. The kid is what ' +
        '`pop incident revoke --key` takes.',
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
        ca: await readIssuerCa(found.settings),
      }
      const answer = await orderRealm(order, around.environment, () => undefined)
      if (hasFlag(command, 'json')) return await writeJson(answer, around.out)
      await showKeys(answer, around.out)
    })
}

const columns = [
  { title: 'KID' },
  { title: 'ALGORITHM' },
  { title: 'STATE' },
  { title: 'PRIORITY', align: 'right' },
  { title: 'PROVIDER' },
] as const

async function showKeys({ keys }: JsonObject, out: Output): Promise<void> {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : []
  const found = list.filter(isJsonObject).map(({ kid, algorithm, state, priority, name }) => {
    return [kid, algorithm, state, priority, name].map((cell) =>
      typeof cell === 'string' || typeof cell === 'number' ? String(cell) : '-',
    )
  })
  await printTable(columns, found, out)
  const signs = found
    .filter(([, , state]) => state === 'signs')
    .map(([kid = '', algorithm = '']) => `${kid} (${algorithm})`)
  const said = signs.length === 0 ? 'No RSA key signs' : `What signs now: ${signs.join(', ')}`
  await out.writeLine(printableLines(`${said}.`))
}
