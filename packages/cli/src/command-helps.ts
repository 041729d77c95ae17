import { PassThrough } from 'node:stream'
import type { Command } from 'commander'
import { makeProgram } from './main.ts'
import { openOutput } from './print/output.ts'

/** One command as `--help` shows it. */
export interface CommandHelp {
  /** `pop token show` */
  readonly name: string
  readonly help: string
}

/** Every command in the order of the help: what the reference page and nothing else is made of. */
export function commandHelps(): readonly CommandHelp[] {
  using nowhere = openOutput(new PassThrough(), {})
  const around = { stdin: new PassThrough(), out: nowhere, err: nowhere, environment: {} }
  const program = makeProgram(around, false, () => undefined)
  return helpsOf(program, program.name())
}

function helpsOf(command: Command, name: string): CommandHelp[] {
  command.configureHelp({ helpWidth: 100 })
  const own = { name, help: command.helpInformation().trimEnd() }
  return [own, ...command.commands.flatMap((child) => helpsOf(child, `${name} ${child.name()}`))]
}
