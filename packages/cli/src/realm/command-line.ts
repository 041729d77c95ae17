import type { Command } from 'commander'
import { hasFlag, textOption } from '../up/words.ts'

const options: readonly (readonly [string, string])[] = [
  ['--home', 'home'],
  ['--config', 'config'],
  ['--admin-user', 'adminUser'],
  ['--admin-client', 'adminClient'],
  ['--admin-realm', 'adminRealm'],
]

/**
 * `pop realm apply` with the options that this command was given, to be pasted into a shell. The option for standard input is left
 * out: who pastes it is asked for the secret.
 */
export function applyLine(command: Command, ...more: readonly string[]): string {
  const given = options.flatMap(([flag, name]) => {
    const value = textOption(command, name)
    return value === undefined || command.getOptionValueSource(name) === 'default' ? [] : [flag, shellWord(value)]
  })
  const withoutUsers = hasFlag(command, 'withoutUsers') ? ['--without-users'] : []
  return ['pop realm apply', ...given, ...withoutUsers, ...more].join(' ')
}

/** A text as one word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
