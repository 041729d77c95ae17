import { Command, CommanderError } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { CommandFailure, exitCodes } from './command-failure.ts'
import { registerClient } from './commands/register-client.ts'
import { openOutput, type Output, type OutputStream } from './print/output.ts'
import type { Surroundings } from './print/surroundings.ts'
import { tellFailure } from './print/tell-failure.ts'
import { registerSupervisor } from './up/register.ts'

/** The streams and the environment of a run; those of the process unless a test gives others. */
export interface RunOptions {
  readonly stdin: Surroundings['stdin']
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: Readonly<NodeJS.ProcessEnv>
}

const exitCodeHelp = `
Exit codes:
  ${exitCodes.done}  done
  ${exitCodes.refused}  refused: the gateway or a module said no, or its answer was an error
  ${exitCodes.usage}  the words, the settings or this machine are not as they must be; nothing was sent
  ${exitCodes.unreachable}  nobody answered
`

/**
 * Runs `pop` with the words behind its name and gives the exit code; what went wrong stands on standard error. Throws only what
 * nobody foresaw.
 */
export async function run(words: readonly string[], options: RunOptions = ofProcess()): Promise<number> {
  const { stdin, stdout, stderr, environment } = options
  using out = openOutput(stdout, environment)
  using err = openOutput(stderr, environment)
  const asJson = asksForJson(words)
  try {
    return await parse({ stdin, out, err, environment }, words, asJson)
  } catch (failure) {
    if (!(failure instanceof CommandFailure)) throw failure
    await tellFailure(failure, err, asJson)
    return failure.exitCode
  }
}

/** Does what the words say. Throws a CommandFailure, also for words that make no sense. */
async function parse(around: Surroundings, words: readonly string[], asJson: boolean): Promise<number> {
  const written: Promise<void>[] = []
  const program = makeProgram(around, asJson, (output, text) => void written.push(output.write(text)))
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (failure) {
    if (!(failure instanceof CommanderError)) throw failure
    await Promise.all(written)
    // `pop` without a command has shown the help, on standard error; `pop help` was asked for it.
    if (failure.code === 'commander.help') return failure.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (failure.exitCode !== 0) throw ofCommander(failure, commandOf(program, words))
  }
  return exitCodes.done
}

/** `pop` with all its commands. */
export function makeProgram(
  around: Surroundings,
  asJson: boolean,
  writeHelp: (output: Output, text: string) => void,
): Command {
  const { out, err } = around
  const { version } = manifest
  const program = new Command('pop')
    .description('POP API: a zero-trust front door for service modules.')
    .version(asJson ? JSON.stringify({ version, node: process.version }) : version, '-V, --version')
    .option(
      '--home <dir>',
      'folder of a run; else POP_HOME, else .pop here, or one above; up, reset and config look only here',
    )
    .option('--gateway <url>', 'the gateway; else the one that runs in the home, else https://localhost:8443')
    .option('--ca <file>', 'CA of the gateway; else ca.pem of the home, and what this machine trusts')
    .option('--json', 'output for programs: one JSON document, or one in each line')
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => writeHelp(out, text),
      writeErr: (text) => writeHelp(err, text),
      // `run` tells of errors itself, like of all others.
      outputError: () => undefined,
      getOutHelpWidth: () => out.columns ?? 80,
      getErrHelpWidth: () => err.columns ?? 80,
    })
  program.commandsGroup('This machine:')
  registerSupervisor(program, around)
  registerClient(program, around)
  for (const command of program.commands) inherit(command, program)
  return program
}

/** Commander passes its settings on only to commands that it makes itself. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inherit(child, command)
}

/** Looked at before anything is parsed: an error of parsing is told in the same form. */
function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).includes('--json')
}

function ofCommander({ message }: CommanderError, place: string): CommandFailure {
  const text = message
    .replace(/^error: /, '')
    .replace(/\n\((.+)\)$/, '. $1')
    .replace(/^command-argument value '(.*)' is invalid for argument '([^']+)'\./s, "the argument $2 cannot be '$1'.")
  const end = /[.?!]$/.test(text) ? '' : '.'
  return new CommandFailure(exitCodes.usage, `${text}${end} See: ${place} --help`)
}

/** The command that the words lead to, as far as there is one: `pop token show`. */
function commandOf(program: Command, words: readonly string[]): string {
  let command = program
  let place = program.name()
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word)
    if (next === undefined) continue
    command = next
    place += ` ${word}`
  }
  return place
}

function ofProcess(): RunOptions {
  const { stdin, stdout, stderr, env } = process
  return { stdin, stdout, stderr, environment: env }
}
