import type { Command } from 'commander'
import { readSecret } from '../client/read-stdin.ts'
import { usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { askSecret, askText, canAsk } from './ask.ts'

type Form = Readonly<Record<string, string>>

/**
 * The form for `POST /oauth/token` of what the options say and, on a terminal, of what a person answers. Throws a CommandFailure
 * (usage) that names the option that is missing.
 */
export async function readCredentials(command: Command, around: Surroundings): Promise<Form> {
  const clientId = textOption(command, 'clientId')
  const isClient = clientId !== undefined || hasFlag(command, 'clientSecretStdin')
  if (!isClient) return await readUser(command, around)
  const given = ['user', 'passwordStdin', 'code'].filter((name) => command.getOptionValue(name) !== undefined)
  if (given.length > 0) throw usageFailure('give --user with its options, or --client-id with its options, not both')
  if (clientId === undefined) throw usageFailure('--client-secret-stdin needs --client-id ID')
  return {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: await readClientSecret(command, around),
  }
}

async function readClientSecret(command: Command, around: Surroundings): Promise<string> {
  if (hasFlag(command, 'clientSecretStdin')) return await readSecret(around, '--client-secret-stdin')
  if (canAsk(around)) return await askSecret('Secret of the client', around)
  throw usageFailure('there is no terminal to ask at: give the secret with --client-secret-stdin')
}

async function readUser(command: Command, around: Surroundings): Promise<Form> {
  const isPiped = hasFlag(command, 'passwordStdin')
  const user = textOption(command, 'user')
  const code = textOption(command, 'code')
  const missing = [
    ...(user === undefined ? ['--user NAME'] : []),
    ...(isPiped ? [] : ['--password-stdin']),
    ...(code === undefined ? ["--code CODE (--code '' where there is none)"] : []),
  ]
  // Standard input can carry the password or the answers of a person, not both.
  if (missing.length > 0 && (isPiped || !canAsk(around))) {
    const why = isPiped ? 'standard input is for the password' : 'there is no terminal to ask at'
    throw usageFailure(`${why}: give ${missing.join(', ')}`)
  }
  const username = user ?? (await askText('User', around, true))
  const password = isPiped ? await readSecret(around, '--password-stdin') : await askSecret('Password', around)
  const totp = code ?? (await askText('One-time code (empty where the account has none)', around, false))
  if (username === '') throw usageFailure('--user must not be empty')
  return { grant_type: 'password', username, password, ...(totp === '' ? {} : { totp: totp.replaceAll(' ', '') }) }
}
