import { Command } from 'commander'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { findHome } from './home.ts'
import { readStatus, type Status } from './status.ts'
import { hasFlag, textOption } from './words.ts'

/** What is said of a process that is not well. What a gateway is silent about, its readiness says. */
const wordsOf = { running: '', starting: 'is starting', ended: 'has ended', silent: '' } as const

/** `pop status`: what runs on a home, and whether all is well. */
export function statusCommand({ out, environment }: Surroundings): Command {
  return new Command('status')
    .summary('show what runs, and whether all is well')
    .description(
      'Shows every process, with how often this run had to start it again, and asks the gateway whether it is ready.',
    )
    .addHelpText('after', '\nExit codes: 0 all is well, 1 something is not, 3 nothing runs.\n')
    .action(async (_options: unknown, command: Command) => {
      const home = await findHome(textOption(command, 'home'), environment)
      const status = await readStatus(home)
      if (hasFlag(command, 'json')) await writeJson({ home, ...status }, out)
      else if (status.state === 'running') await showProcesses(status, out)
      if (status.state === 'stopped') throw notRunning(home)
      if (status.state === 'changing') {
        throw new CommandFailure(exitCodes.refused, `POP API on ${home} is starting or stopping. Ask again in a moment`)
      }
      if (status.well) return
      const away = status.processes.flatMap(({ name, state }) => (wordsOf[state] ? [`${name} ${wordsOf[state]}`] : []))
      const faults = [...away, ...status.faults].join('; ')
      throw new CommandFailure(exitCodes.refused, `not all is well: ${faults}. See \`pop logs\`, and \`pop doctor\``)
    })
}

/** The failure of a command that needs a run. */
export function notRunning(home: string): CommandFailure {
  return new CommandFailure(exitCodes.unreachable, `POP API does not run on ${home}. Start it with \`pop up\``)
}

async function showProcesses(
  { processes }: Extract<Status, { readonly state: 'running' }>,
  out: Output,
): Promise<void> {
  const titles = [
    { title: 'PROCESS' },
    { title: 'PID', align: 'right' },
    { title: 'STATE' },
    { title: 'RESTARTS', align: 'right' },
    { title: 'ADDRESS' },
  ] as const
  const rows = processes.map(({ name, pid, state, restarts, address }) => [
    name,
    pid === null ? '-' : String(pid),
    state,
    String(restarts),
    address,
  ])
  await printTable(titles, rows, out)
}
