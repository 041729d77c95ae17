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
  let text = ''
  const program = makeProgram(around, false, (_output, part) => void (text += part))
  // `helpInformation()` alone leaves out what stands below it, such as exit codes and examples.
  const helpOf = (command: Command): string => {
    text = ''
    command.configureHelp({ helpWidth: 100 }).outputHelp()
    return text.trimEnd()
  }
  return helpsOf(program, program.name(), helpOf)
}

function helpsOf(command: Command, name: string, helpOf: (command: Command) => string): CommandHelp[] {
  const own = { name, help: helpOf(command) }
  return [own, ...command.commands.flatMap((child) => helpsOf(child, `${name} ${child.name()}`, helpOf))]
}
