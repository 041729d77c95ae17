import { Command } from 'commander'
import type { JsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { findSettings } from '../up/find-settings.ts'
import { homePath } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { addAdministratorOptions, readAdministrator } from './administrator.ts'
import { applyLine } from './command-line.ts'
import { operatorRolesOf, tellFirstOperator } from './first-operator.ts'
import { keysCommand } from './keys-command.ts'
import { readIssuerCa } from './issuer-roots.ts'
import { writeRealmFacts } from './realm-files.ts'
import { orderRealm } from './realm-program.ts'
import { placeOf, realmRequest } from './realm-request.ts'
import { changesOf, serviceClientsOf, showChanges, surplusOf } from './show-report.ts'

const help = `
The password comes from standard input or is asked for; it is used once and kept nowhere. The secrets of clients are made here and
kept in files of the home that only you can read; they are never shown.

Examples:
  printf %s "$PASSWORD" | pop realm plan --admin-user admin --admin-secret-stdin
  printf %s "$PASSWORD" | pop realm apply --admin-user admin --admin-secret-stdin
`

/** `pop realm`: Keycloak as `pop.yaml` wants it. */
export function realmCommand(around: Surroundings): Command {
  return new Command('realm')
    .helpCommand(false)
    .summary('make a realm of Keycloak what pop.yaml says')
    .description(
      'Makes the realm of identity.issuer: lives of tokens and sessions, lockout, password policy, second factor, roles, clients ' +
        'and what they put into a token. What others made in the realm stays.',
    )
    .addCommand(planCommand(around))
    .addCommand(applyCommand(around))
    .addCommand(driftCommand(around))
    .addCommand(exportCommand(around))
    .addCommand(keysCommand(around))
}

function planCommand(around: Surroundings): Command {
  return addAdministratorOptions(new Command('plan'))
    .summary('show what apply would do')
    .description('Compares the realm with the settings and changes nothing.')
    .option('--without-users', 'leave the users of development out')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => {
      const { report } = await ask('plan', command, around)
      if (hasFlag(command, 'json')) return await writeJson(report, around.out)
      await showChanges(report, around.out)
      await tellSum(
        report,
        'The realm is as the settings say.',
        `To do all this: ${applyLine(command)}`,
        command,
        around,
      )
    })
}

function applyCommand(around: Surroundings): Command {
  return addAdministratorOptions(new Command('apply'))
    .summary('make the realm what the settings say')
    .description('Creates and changes what is not as the settings say. Run again, it finds nothing to do.')
    .option('--without-users', 'leave the users of development out')
    .option('--prune', 'also remove what was made by an earlier apply and is wanted no more')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => {
      const { report, home, settings, ca } = await ask('apply', command, around)
      await writeRealmFacts(home, { issuer: placeOf(settings).issuer, serviceClients: serviceClientsOf(report) }, ca)
      if (hasFlag(command, 'json')) return await writeJson(report, around.out)
      await showChanges(report, around.out)
      await tellSum(report, 'The realm was as the settings say already.', 'Done.', command, around)
      if (report['hasOperator'] === false && operatorRolesOf(settings).length > 0)
        await tellFirstOperator(settings, textOption(command, 'adminRealm') ?? 'master', around.out)
    })
}

function driftCommand(around: Surroundings): Command {
  return addAdministratorOptions(new Command('drift'))
    .summary('tell whether somebody changed the realm')
    .description(
      'Like plan, for a watchman: exit code 0 where the realm is as the settings say, 1 where it is not, 3 where nobody answers.',
    )
    .option('--without-users', 'leave the users of development out')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => {
      const { report } = await ask('plan', command, around)
      const drifted = changesOf(report).length
      if (hasFlag(command, 'json')) await writeJson({ drifted: drifted > 0, ...report }, around.out)
      else await showChanges(report, around.out)
      if (drifted > 0) {
        const count = drifted === 1 ? 'one thing is' : `${drifted} things are`
        const message = `${count} not as the settings say. To mend it: ${applyLine(command)}`
        throw new CommandFailure(exitCodes.refused, message)
      }
      if (!hasFlag(command, 'json')) await around.out.writeLine('The realm is as the settings say.')
    })
}

function exportCommand(around: Surroundings): Command {
  return new Command('export')
    .summary('write the realm as a file that Keycloak imports')
    .description(
      'Writes the realm as JSON for `kc.sh start --import-realm`, without secrets and without users. After the import, ' +
        '`pop realm apply` sets the secrets.',
    )
    .option('--config <file>', 'a pop.yaml; else ./pop.yaml, else the one in the home, else the built-in settings')
    .addHelpText('after', '\nExample:\n  pop realm export > pop-realm.json\n')
    .action(async (_options: unknown, command: Command) => {
      const { home, found } = await settingsOf(command, around)
      const request = await realmRequest({ home, ...found, environment: around.environment, bringsUsers: false })
      await writeJson(await orderRealm({ verb: 'export', request }, around.environment, () => undefined), around.out)
    })
}

async function settingsOf(command: Command, { environment }: Surroundings) {
  const home = homePath(textOption(command, 'home'), environment)
  return { home, found: await findSettings(textOption(command, 'config'), home) }
}

/** Asks the realm's program, as the administrator of the options. */
async function ask(verb: 'plan' | 'apply', command: Command, around: Surroundings) {
  const { home, found } = await settingsOf(command, around)
  const { settings } = found
  const { server } = placeOf(settings)
  const bringsUsers = settings.environment === 'development' && !hasFlag(command, 'withoutUsers')
  const request = await realmRequest({ home, settings, environment: around.environment, bringsUsers })
  const ca = await readIssuerCa(settings)
  const order = {
    verb,
    request,
    prune: hasFlag(command, 'prune'),
    operator_roles: operatorRolesOf(settings),
    administrator: await readAdministrator(command, server, around),
    ca,
  }
  const report = await orderRealm(order, around.environment, progressOf(around))
  return { report, home, settings, ca }
}

/** Shows on a terminal what is being looked at, over and over in one line. */
function progressOf({ err }: Surroundings): (name: string) => void {
  if (!err.isTerminal) return () => undefined
  return (name) => void err.write(`\r\u001b[K${printableLines(name)}\r`)
}

async function tellSum(
  report: JsonObject,
  nothing: string,
  next: string,
  command: Command,
  { out, err }: Surroundings,
): Promise<void> {
  if (err.isTerminal) await err.write('\r\u001b[K')
  const surplus = surplusOf(report)
  const count = changesOf(report).length
  await out.writeLine(
    printableLines(count === 0 ? nothing : `${count === 1 ? 'One change' : `${count} changes`}. ${next}`),
  )
  if (surplus.length === 0) return
  await out.writeLine(printableLines(`Made by an earlier apply and wanted no more: ${surplus.join(', ')}.`))
  await out.writeLine(printableLines(`They stay until you run ${applyLine(command, '--prune')}`))
}
