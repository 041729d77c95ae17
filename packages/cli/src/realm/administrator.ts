import type { Command } from 'commander'
import type { JsonObject } from '@pop-api/protocol'
import { readSecret } from '../client/read-stdin.ts'
import { usageFailure } from '../command-failure.ts'
import { askSecret, canAsk } from '../commands/ask.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'

/** Adds the options that say who changes the realm. */
export function addAdministratorOptions(command: Command): Command {
  return command
    .option('--config <file>', 'a pop.yaml; else ./pop.yaml, else the one in the home, else the built-in settings')
    .option('--admin-user <name>', 'an administrator of Keycloak')
    .option('--admin-client <id>', 'or a client with a service account that may manage realms')
    .option('--admin-secret-stdin', 'read the password, or the secret of the client, from standard input')
    .option('--admin-realm <name>', 'the realm that knows the administrator', 'master')
}

/** Who changes the realm, with the secret from standard input or from whoever sits at the terminal. Throws a CommandFailure (usage). */
export async function readAdministrator(command: Command, server: string, around: Surroundings): Promise<JsonObject> {
  const user = textOption(command, 'adminUser')
  const client = textOption(command, 'adminClient')
  if ((user === undefined) === (client === undefined))
    throw usageFailure('say who changes the realm: --admin-user NAME, or --admin-client ID')
  const secret = await secretOf(command, user === undefined ? `Secret of ${client}` : `Password of ${user}`, around)
  const base = { server, realm: textOption(command, 'adminRealm') ?? 'master' }
  return user === undefined ? { ...base, client_id: client, secret } : { ...base, username: user, password: secret }
}

async function secretOf(command: Command, question: string, around: Surroundings): Promise<string> {
  if (hasFlag(command, 'adminSecretStdin')) return await readSecret(around, '--admin-secret-stdin')
  if (canAsk(around)) return await askSecret(question, around)
  throw usageFailure('there is no terminal to ask at: give the password or secret with --admin-secret-stdin')
}
