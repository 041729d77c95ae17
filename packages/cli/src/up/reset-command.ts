import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import { askYes, canAsk } from '../commands/ask.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasLockFile, homePath, isLocked, lockHome } from './home.ts'
import { hasFlag, textOption } from './words.ts'

/** Settings are written by a person; everything else in a home was made by a run. */
const kept = ['pop.yaml']

/** `pop reset`: forgets everything of a home but its settings. */
export function resetCommand(around: Surroundings): Command {
  return new Command('reset')
    .summary('remove all state of a home')
    .description(
      'Removes keys, certificates, users, data of modules, logs and audit logs of the home; a pop.yaml in it stays. ' +
        'The next start makes everything new. Refused while something runs.',
    )
    .option('--yes', 'do not ask')
    .action(async (_options: unknown, command: Command) => {
      const path = homePath(textOption(command, 'home'), around.environment)
      if (!(await hasLockFile(path))) {
        throw usageFailure(`${path} is not a home of POP API: there is no lock.db in it. Nothing was removed`)
      }
      if (await isLocked(path)) {
        const next = 'Stop it first: `pop down`. Nothing was removed'
        throw usageFailure(`POP API runs already on the home ${path}. ${next}`)
      }
      // Held until the end, so that nothing starts on what is being removed.
      using home = await lockHome(path)
      if (!hasFlag(command, 'yes')) await askFirst(home.path, around)
      const removed = (await readdir(home.path)).filter((name) => !kept.includes(name)).sort()
      for (const name of removed) await rm(join(home.path, name), { recursive: true, force: true })
      if (hasFlag(command, 'json')) await writeJson({ home: home.path, removed }, around.out)
      else await around.out.writeLine(`${home.path} is as before its first start.`)
    })
}

async function askFirst(home: string, around: Surroundings): Promise<void> {
  if (!canAsk(around)) throw usageFailure(`nobody can be asked here: give --yes to remove all state of ${home}`)
  const isWanted = await askYes(`Remove all keys, users, data and logs of ${home}? This cannot be undone.`, around)
  if (!isWanted) throw new CommandFailure(exitCodes.refused, 'nothing was removed')
}
