import { setTimeout as pause } from 'node:timers/promises'
import { matches, type AuditQuery } from '@pop-api/audit'
import { Command, InvalidArgumentError } from 'commander'
import { auditLogs, noAuditLogs, openAuditCursor, type AuditCursor } from '../client/audit-cursor.ts'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { findHome } from '../up/home.ts'
import { catchStopSignals } from '../up/stop-signals.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { addQueryOptions, queryOf } from './audit-query.ts'
import { jsonWriter, tableWriter, type LoggedEvent, type WriteEvents } from './audit-table.ts'
import { cutNote, emptyNote, type Search } from './audit-notes.ts'

const pollMs = 250
const countUnlessTold = 20

/** `pop audit`: what happened, from the audit logs of a home. */
export function auditCommand(around: Surroundings): Command {
  const audit = new Command('audit').helpCommand(false).summary('see what happened').description('Reads audit logs.')
  return audit.addCommand(tailCommand(around))
}

function tailCommand(around: Surroundings): Command {
  const tail = new Command('tail')
    .summary('the last audit events, and those that come')
    .description(
      'Shows the last events of the gateway and of all modules of the home, in the order of their time, with what the front ' +
        'door refused (LOG "gateway refusals"), which is counted. With --json, each is one line of JSON with its log.',
    )
  return addQueryOptions(tail)
    .option('-n, --count <count>', 'how many of the last events; 0 for all', parseCount, countUnlessTold)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (_options: unknown, command: Command) => await showTail(command, around))
}

async function showTail(command: Command, around: Surroundings): Promise<void> {
  const home = await findHome(textOption(command, 'home'), around.environment)
  const isFollowed = hasFlag(command, 'follow')
  const isJson = hasFlag(command, 'json')
  const query = queryOf(command)
  const cursors = await openCursors(home, [])
  if (cursors.length === 0 && !isFollowed) throw noAuditLogs(home)
  const search = await lastEvents(cursors, query, countOf(command))
  refuseUnknownService(query, search)
  const write = isJson ? jsonWriter(around.out) : tableWriter(around.out)
  await write(search.events)
  const isCut = search.matching > search.events.length && command.getOptionValueSource('count') === 'default'
  if (search.matching === 0) await tellNote(emptyNote(home, query, search), isJson, around)
  else if (isCut) await tellNote(cutNote(search), isJson, around)
  if (isFollowed) await follow(home, cursors, query, write, around.out)
}

/** What is said beside the events goes to standard error: whoever reads the events gets nothing else. */
async function tellNote(note: string, isJson: boolean, { err }: Surroundings): Promise<void> {
  if (isJson) await writeJson({ message: note }, err)
  else await err.writeLine(err.paint('dim', note))
}

/** A service that is not there would be an empty result for ever. */
function refuseUnknownService({ service }: AuditQuery, { services }: Search): void {
  if (service === undefined || services.includes(service)) return
  throw usageFailure(`there is no event of the service "${service}". There are: ${services.join(', ')}`)
}

async function openCursors(home: string, present: readonly AuditCursor[]): Promise<readonly AuditCursor[]> {
  const known = new Set(present.map(({ log }) => log.name))
  const logs = (await auditLogs(home)).filter(({ name }) => !known.has(name))
  return [...present, ...logs.map(openAuditCursor)]
}

/** The last events of all logs together, all of them for a count of 0; only so many are held, however long the logs are. */
async function lastEvents(cursors: readonly AuditCursor[], query: AuditQuery, count: number): Promise<Search> {
  const all: LoggedEvent[] = []
  const services = new Set(cursors.map(({ log }) => log.process))
  let read = 0
  let matching = 0
  for (const { log, next } of cursors) {
    let kept: LoggedEvent[] = []
    for await (const event of next()) {
      read++
      services.add(event.service)
      if (!matches(event, query)) continue
      matching++
      kept.push({ log: log.name, event })
      if (count > 0 && kept.length > 2 * count) kept = kept.slice(-count)
    }
    for (const logged of lastOf(kept, count)) all.push(logged)
  }
  const logs = cursors.map(({ log }) => log.name)
  return { events: lastOf(sorted(all), count), matching, read, logs, services: [...services].sort() }
}

async function follow(
  home: string,
  opened: readonly AuditCursor[],
  query: AuditQuery,
  write: WriteEvents,
  { closed }: Output,
): Promise<void> {
  using signals = catchStopSignals()
  const ended = AbortSignal.any([signals.stop, closed])
  for (let cursors = opened; !ended.aborted; cursors = await openCursors(home, cursors)) {
    await pauseUnless(ended)
    const events: LoggedEvent[] = []
    for (const { log, next } of cursors) {
      for await (const event of next()) if (matches(event, query)) events.push({ log: log.name, event })
    }
    await write(sorted(events))
  }
}

async function pauseUnless(ended: AbortSignal): Promise<void> {
  try {
    await pause(pollMs, undefined, { signal: ended })
  } catch (error) {
    if (!ended.aborted) throw error
  }
}

function sorted(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
  // Timestamps are RFC 3339 in UTC with milliseconds: they sort as texts. Equal ones keep the order of their log.
  return events.toSorted((one, other) => {
    if (one.event.timestamp === other.event.timestamp) return 0
    return one.event.timestamp < other.event.timestamp ? -1 : 1
  })
}

/** 0 stands for all. */
function lastOf<T>(items: readonly T[], count: number): readonly T[] {
  return count === 0 ? items : items.slice(-count)
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a number of events.')
}

function countOf(command: Command): number {
  const { count } = command.opts<{ count?: unknown }>()
  return typeof count === 'number' ? count : countUnlessTold
}
