import { Command } from 'commander'
import { isJsonObject, isTextList } from '@pop-api/protocol'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { hasFlag } from '../up/words.ts'
import { askIncidents } from './ask-incidents.ts'
import { revokeCommand } from './revoke-command.ts'
import { nameSubjects } from './name-subjects.ts'
import { nameOf, readRevocation, rowOf, subjectsOf } from './show-revocation.ts'

const titles = ['ID', 'REVOKED', 'SINCE (UTC)', 'UNTIL (UTC)', 'SESSIONS', 'BY', 'REASON'].map((title) => ({ title }))

/** `pop incident`: what operators do against an incident. */
export function incidentCommand(around: Surroundings): Command {
  return new Command('incident')
    .summary('revoke, and see what is revoked')
    .description('Answers an incident: ends tokens before their time, everywhere, and tells what is in force.')
    .addCommand(revokeCommand(around))
    .addCommand(listCommand(around))
    .addCommand(undoCommand(around))
}

function listCommand(around: Surroundings): Command {
  return new Command('list')
    .summary('what is revoked')
    .description(
      'Lists what is revoked, the latest first, and whether Keycloak has ended the sessions behind it. Auditors may look too.',
    )
    .action(async (_options: unknown, command: Command) => {
      const answer = await askIncidents(command, around, { method: 'GET', path: '' })
      const { revocations } = answer
      if (!Array.isArray(revocations) || !revocations.every(isJsonObject))
        throw new CommandFailure(exitCodes.refused, 'the gateway answered without a list: is it of another version?')
      if (hasFlag(command, 'json')) {
        await writeJson(answer, around.out)
        return
      }
      const names = await nameSubjects(command, around, revocations.flatMap(subjectsOf))
      const rows = revocations.map((revocation) => rowOf(revocation, names)).toReversed()
      await printTable(titles, rows, around.out)
    })
}

function undoCommand(around: Surroundings): Command {
  return new Command('undo')
    .summary('take a revocation back')
    .description('Takes a revocation back: what it covered is let in again, where nothing else covers it.')
    .argument('<id>', 'as list shows it')
    .action(async (id: string, _options: unknown, command: Command) => {
      if (!/^[\w-]{1,64}$/.test(id)) throw usageFailure('the id must be one that `pop incident list` shows')
      const answer = await askIncidents(command, around, { method: 'DELETE', path: `/revocations/${id}` })
      if (hasFlag(command, 'json')) {
        await writeJson(answer, around.out)
        return
      }
      const { taken_back: back, still_revoked_by: others } = answer
      const still =
        isTextList(others, 10_000, 64) && others.length > 0 ? ` Still revoked by: ${others.join(', ')}.` : ''
      await around.out.write(printableLines(`Taken back: ${nameOf(readRevocation(back))}.${still}\n`))
    })
}
