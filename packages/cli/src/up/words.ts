import type { Command } from 'commander'

/** A text option of a command, or one of `pop` itself such as `--home`; undefined when it was not given. */
export function textOption(command: Command, name: string): string | undefined {
  const value: unknown = command.optsWithGlobals<Record<string, unknown>>()[name]
  return typeof value === 'string' ? value : undefined
}

/** True for a flag that was given. */
export function hasFlag(command: Command, name: string): boolean {
  return command.optsWithGlobals<Record<string, unknown>>()[name] === true
}
