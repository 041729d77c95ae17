import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { isLocked, findHome } from './home.ts'
import { errorCode } from './own-file.ts'
import { notRunning } from './status-command.ts'
import { readStatus } from './status.ts'
import { hasFlag, textOption } from './words.ts'

/** Above what four processes need that are all killed in the end. */
const stopMsMax = 60_000

/** `pop down`: stops the run on a home and waits until it has stopped. */
export function downCommand({ out, environment }: Surroundings): Command {
  return new Command('down')
    .summary('stop what runs')
    .description('Stops the run on the home in order, as Ctrl-C does, and waits for its end. Nothing is lost.')
    .addHelpText('after', '\nExit codes: 0 stopped, 1 it does not stop, 3 nothing runs.\n')
    .action(async (_options: unknown, command: Command) => {
      const home = await findHome(textOption(command, 'home'), environment)
      const status = await readStatus(home)
      if (status.state === 'stopped') throw notRunning(home)
      if (status.supervisor === undefined) {
        throw new CommandFailure(exitCodes.refused, `POP API on ${home} is just starting or stopping. Try again`)
      }
      terminate(status.supervisor)
      const sinceMs = performance.now()
      while (await isLocked(home)) {
        if (performance.now() - sinceMs > stopMsMax) {
          const message = `the supervisor (pid ${status.supervisor}) still holds ${home}. See \`pop logs supervisor\``
          throw new CommandFailure(exitCodes.refused, message)
        }
        await delay(50)
      }
      if (hasFlag(command, 'json')) await writeJson({ home, state: 'stopped' }, out)
      else await out.writeLine('Stopped.')
    })
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    // It has stopped meanwhile, which is what was asked for.
    if (errorCode(error) === 'ESRCH') return
    throw new CommandFailure(
      exitCodes.refused,
      `the supervisor (pid ${pid}) is not ours to stop (${errorCode(error)})`,
      {
        cause: error,
      },
    )
  }
}
