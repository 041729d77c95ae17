import { setTimeout as pause } from 'node:timers/promises'
import { matches, type AuditEvent, type AuditQuery } from '@pop-api/audit'
import { Command, InvalidArgumentError } from 'commander'
import { auditedProcesses, openAuditCursor, type AuditCursor } from '../client/audit-cursor.ts'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { layTable, widen, type Column } from '../print/table.ts'
import { homePath } from '../up/home.ts'
import { catchStopSignals } from '../up/stop-signals.ts'
import { hasFlag, textOption } from '../up/words.ts'

/** An event and the process in whose log it stands. */
interface LoggedEvent {
  readonly log: string
  readonly event: AuditEvent
}

const pollMs = 250
const countUnlessTold = 20

/** `pop audit`: what happened, from the audit logs of a home. */
export function auditCommand(around: Surroundings): Command {
  const audit = new Command('audit').helpCommand(false).summary('see what happened').description('Reads audit logs.')
  return audit.addCommand(tailCommand(around))
}

function tailCommand(around: Surroundings): Command {
  return new Command('tail')
    .summary('the last audit events, and those that come')
    .description(
      'Shows the last events of the gateway and of all modules of the home, in the order of their time. With --json, each is one ' +
        'line of JSON with the process in whose log it stands.',
    )
    .option('--service <name>', 'only events of this service')
    .option('--user <name>', 'only events of this user: a name, or a subject such as user:ID')
    .option('--request <id>', 'only events of this request')
    .option('--txn <id>', 'only events of this transaction')
    .option('-n, --count <count>', 'how many of the last events', parseCount, countUnlessTold)
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (_options: unknown, command: Command) => {
      const home = homePath(textOption(command, 'home'), around.environment)
      const isFollowed = hasFlag(command, 'follow')
      const cursors = await openCursors(home, [])
      if (cursors.length === 0 && !isFollowed) {
        throw usageFailure(
          `there are no audit logs in ${home}: start with \`pop up\`, or give another folder with --home`,
        )
      }
      const query = queryOf(command)
      const write = hasFlag(command, 'json') ? jsonWriter(around.out) : tableWriter(around.out)
      await write(await lastEvents(cursors, query, countOf(command)))
      if (isFollowed) await follow(home, cursors, query, write, around.out)
    })
}

type Write = (events: readonly LoggedEvent[]) => Promise<void>

async function openCursors(home: string, present: readonly AuditCursor[]): Promise<readonly AuditCursor[]> {
  const known = new Set(present.map(({ process }) => process))
  const names = (await auditedProcesses(home)).filter((name) => !known.has(name))
  return [...present, ...names.map((name) => openAuditCursor(home, name))]
}

/** The last events of all logs together; no more than these are held, however long the logs are. */
async function lastEvents(
  cursors: readonly AuditCursor[],
  query: AuditQuery,
  count: number,
): Promise<readonly LoggedEvent[]> {
  const all: LoggedEvent[] = []
  for (const { process, next } of cursors) {
    let kept: LoggedEvent[] = []
    for await (const event of next()) {
      if (!matches(event, query)) continue
      kept.push({ log: process, event })
      if (kept.length > 2 * count) kept = last(kept, count)
    }
    all.push(...last(kept, count))
  }
  return last(sorted(all), count)
}

async function follow(
  home: string,
  opened: readonly AuditCursor[],
  query: AuditQuery,
  write: Write,
  { closed }: Output,
): Promise<void> {
  using signals = catchStopSignals()
  const ended = AbortSignal.any([signals.stop, closed])
  for (let cursors = opened; !ended.aborted; cursors = await openCursors(home, cursors)) {
    await pauseUnless(ended)
    const events: LoggedEvent[] = []
    for (const { process, next } of cursors) {
      for await (const event of next()) if (matches(event, query)) events.push({ log: process, event })
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

function last<T>(items: readonly T[], count: number): T[] {
  return items.slice(Math.max(0, items.length - count))
}

function jsonWriter(out: Output): Write {
  return async (events) => {
    for (const { log, event } of events) await writeJson({ ...event, log }, out)
  }
}

const titles = ['TIME', 'LOG', 'SERVICE', 'USER', 'ACTION', 'RESOURCE', 'STATUS', 'MS', 'REQUEST']

function tableWriter(out: Output): Write {
  let columns: readonly Column[] = titles.map((title) => ({ title, align: title === 'MS' ? 'right' : 'left' }))
  let hasHead = false
  return async (events) => {
    const today = out.isTerminal ? new Date().toISOString().slice(0, 10) : undefined
    const rows = events.map((logged) => rowOf(logged, today))
    columns = widen(columns, rows)
    // A request id that is cut off is of no use: long lines go on in the next one.
    const { head, rows: lines } = layTable(columns, rows, { columns: undefined, paint: out.paint })
    for (const line of hasHead ? lines : [head, ...lines]) await out.writeLine(line)
    hasHead = true
  }
}

/** For a person, an event of this day stands without it. Times are UTC. */
function rowOf({ log, event }: LoggedEvent, today: string | undefined): readonly string[] {
  const { timestamp, service, user, action, resource_id, status, code, count, latency_ms, request_id } = event
  const outcome = [status, ...[code].filter(isNumber).map(String), ...[count].filter(isNumber).map((n) => `×${n}`)]
  const time = timestamp.slice(0, 10) === today ? timestamp.slice(11) : timestamp
  const latency = isNumber(latency_ms) ? String(Math.round(latency_ms)) : '-'
  return [time, log, service, user, action, resource_id, outcome.join(' '), latency, request_id ?? '-'].map(String)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function queryOf(command: Command): AuditQuery {
  const pairs = [
    ['service', textOption(command, 'service')],
    ['user', textOption(command, 'user')],
    ['request_id', textOption(command, 'request')],
    ['txn', textOption(command, 'txn')],
  ] as const
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a number of events.')
}

function countOf(command: Command): number {
  const { count } = command.opts<{ count?: unknown }>()
  return isNumber(count) ? count : countUnlessTold
}
