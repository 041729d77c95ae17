import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { printable } from '@pop-api/audit'
import { Argument, Command, InvalidArgumentError } from 'commander'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { findHome } from './home.ts'
import { followLog, lastLines, type LogTail } from './log-tail.ts'
import { errorCode } from './own-file.ts'
import { logPath } from './process-output.ts'
import { startOrder } from './programs.ts'
import { catchStopSignals } from './stop-signals.ts'
import { hasFlag, textOption } from './words.ts'

const pollMs = 200
const linesUnlessTold = 100

/** `pop logs`: what the processes of a home said last, and go on to say. */
export function logsCommand({ out, err, environment }: Surroundings): Command {
  return new Command('logs')
    .summary('show what the processes say')
    .description('Shows the last lines of the log of one process, or of all of them, each behind its name.')
    .addArgument(nameArgument())
    .option('-n, --lines <count>', 'how many of the last lines of each', parseCount, linesUnlessTold)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const home = await findHome(textOption(command, 'home'), environment)
      const names = await chooseLogs(home, name)
      const write = lineWriter(names, hasFlag(command, 'json'), out)
      // Followed from before the last lines are read: what comes meanwhile is shown twice rather than not at all.
      await using tails = new AsyncDisposableStack()
      const followed: NamedTail[] = []
      for (const each of hasFlag(command, 'follow') ? names : []) {
        followed.push({ name: each, tail: tails.use(await followLog(logPath(home, each))) })
      }
      const count = countOf(command)
      for (const each of names) {
        const lines = await lastLines(logPath(home, each), count)
        for (const line of lines) await write(each, line)
        if (lines.length === 0 && count > 0 && name !== undefined)
          await tellSilence(each, hasFlag(command, 'json'), err)
      }
      if (followed.length > 0) await follow(followed, write, out.closed)
    })
}

/** Its choices are for help and completion: what logs a home really has, is found when they are asked for. */
function nameArgument(): Argument {
  const argument = new Argument('[name]', 'one process; else all of them')
  argument.argChoices = ['supervisor', ...startOrder]
  return argument
}

/** Nothing at all on a terminal would look like a failure of this command. */
async function tellSilence(name: string, isJson: boolean, err: Output): Promise<void> {
  const message = `${name} has said nothing yet`
  if (isJson) await writeJson({ message }, err)
  else await err.writeLine(err.paint('dim', message))
}

interface NamedTail {
  readonly name: string
  readonly tail: LogTail
}

async function chooseLogs(home: string, name: string | undefined): Promise<readonly string[]> {
  const known = await logNames(home)
  if (known.length === 0) throw usageFailure(`there are no logs in ${home}. Start something with \`pop up\``)
  if (name === undefined) return known
  if (known.includes(name)) return [name]
  throw usageFailure(`there is no log of "${name}". There are: ${known.join(', ')}`)
}

async function logNames(home: string): Promise<string[]> {
  try {
    const files = await readdir(join(home, 'logs'))
    return files.flatMap((file) => (file.endsWith('.log') ? [file.slice(0, -'.log'.length)] : [])).sort()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw usageFailure(`the logs of ${home} cannot be read (${errorCode(error)})`, error)
  }
}

/** Writes a line of the log of a process. */
type WriteLine = (name: string, line: string) => Promise<void>

function lineWriter(names: readonly string[], isJson: boolean, out: Output): WriteLine {
  const width = Math.max(...names.map((name) => name.length))
  return async (name, line) => {
    if (isJson) return await writeJson({ process: name, line }, out)
    // A log quotes strangers: what they sent must not move the cursor of a terminal.
    const shown = out.isTerminal ? printable(line) : line
    return await out.writeLine(names.length === 1 ? shown : `${name.padEnd(width)} | ${shown}`)
  }
}

async function follow(followed: readonly NamedTail[], write: WriteLine, closed: AbortSignal): Promise<void> {
  using signals = catchStopSignals()
  while (!signals.stop.aborted && !closed.aborted) {
    for (const { name, tail } of followed) for (const line of await tail.next()) await write(name, line)
    await delay(pollMs)
  }
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a number of lines.')
}

function countOf(command: Command): number {
  const { lines } = command.opts<{ lines?: unknown }>()
  return typeof lines === 'number' ? lines : linesUnlessTold
}
