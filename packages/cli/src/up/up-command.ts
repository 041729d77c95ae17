import { Command, InvalidArgumentError } from 'commander'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { homePath } from './home.ts'
import { listeners } from './programs.ts'
import { catchStopSignals } from './stop-signals.ts'
import { supervise } from './supervise.ts'
import { tellLines, tellPerson } from './tell.ts'
import { hasFlag, textOption } from './words.ts'

const highestBase = 65_536 - listeners.length

/** `pop up`: starts everything on this machine and keeps it running until Ctrl-C or SIGTERM. */
export function upCommand({ out, environment }: Surroundings): Command {
  const order = listeners.map(({ name, usualPort }) => `${name} (${usualPort})`).join(', ')
  return new Command('up')
    .summary('start everything and keep it running')
    .description(
      'Starts control, the identity provider, the modules and the gateway, and starts again whichever of them ends. ' +
        'Ctrl-C or SIGTERM stops all of them. On a terminal it tells what to do next; elsewhere it writes JSON lines.',
    )
    .option('--config <file>', 'a pop.yaml; else ./pop.yaml, else the one in the home, else the built-in settings')
    .option('--port-base <n>', 'ports from N upwards; 0 takes any that are free', parsePortBase)
    .addHelpText('after', `\nPorts, in the order in which --port-base counts them:\n  ${order}\n`)
    .action(async (_options: unknown, command: Command) => {
      using signals = catchStopSignals()
      const home = textOption(command, 'home')
      const isPerson = out.isTerminal && !hasFlag(command, 'json')
      await supervise({
        home: homePath(home, environment),
        config: textOption(command, 'config'),
        portBase: portBaseOf(command),
        signals,
        environment,
        tell: isPerson ? tellPerson(writer(out), home === undefined ? '' : ` --home ${home}`) : tellLines(writer(out)),
      })
      if (signals.force.aborted) throw new CommandFailure(exitCodes.refused, 'stopped by force: see `pop logs`')
    })
}

/** What runs does not end because its words cannot be written: all of them stand in the log of the supervisor. */
function writer(out: Output): (text: string) => void {
  let isLost = false
  return (text) => {
    if (isLost) return
    out.write(text).catch((error: unknown) => {
      isLost = true
      process.emitWarning(error instanceof Error ? error : String(error))
    })
  }
}

function parsePortBase(text: string): number {
  const base = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (base >= 0 && base <= highestBase) return base
  throw new InvalidArgumentError(`Give 0, or a number from 1 to ${highestBase}.`)
}

function portBaseOf(command: Command): number | undefined {
  const { portBase } = command.opts<{ portBase?: unknown }>()
  return typeof portBase === 'number' ? portBase : undefined
}
