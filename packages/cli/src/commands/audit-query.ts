import type { AuditQuery } from '@pop-api/audit'
import { type Command, InvalidArgumentError } from 'commander'
import { usageFailure } from '../command-failure.ts'
import { hasFlag, textOption } from '../up/words.ts'

const spanMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The options that choose events, for the help of the command. */
export function addQueryOptions(command: Command): Command {
  const time = (text: string): string => parseMoment(text, Date.now())
  return command
    .option('--service <name>', 'only events of this service')
    .option(
      '--user <name>',
      'only events of this user, or sign-ins that tried it: a name, or a subject such as user:ID',
    )
    .option('--action <name>', 'only events of this action, such as sign_in or resource_deletion')
    .option('--resource <id>', 'only events on this: a topic, a bucket, or the user whom somebody changed')
    .option('--request <id>', 'only events of this request')
    .option('--txn <id>', 'only events of this transaction')
    .option('--decision <id>', 'only events of this decision, which a refused client was told')
    .option('--since <time>', 'only events from then on: a time in UTC, or how long ago, such as 10m or 2h', time)
    .option('--until <time>', 'only events up to then, likewise', time)
}

/** The query of the options. Throws a CommandFailure (usage) for times between which nothing can be. */
export function queryOf(command: Command): AuditQuery {
  const pairs = [
    ['service', textOption(command, 'service')],
    ['user', textOption(command, 'user')],
    ['action', textOption(command, 'action')],
    ['resource_id', textOption(command, 'resource')],
    ['request_id', textOption(command, 'request')],
    ['txn', textOption(command, 'txn')],
    ['decision', textOption(command, 'decision')],
    ['since', textOption(command, 'since')],
    ['until', textOption(command, 'until')],
  ] as const
  const query: AuditQuery = Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
  const { since, until } = query
  if (since !== undefined && until !== undefined && since > until) {
    throw usageFailure(`--since ${since} is after --until ${until}: nothing is between them`)
  }
  if (until !== undefined && hasFlag(command, 'follow')) throw usageFailure('give --until or --follow, not both')
  return query
}

/**
 * A moment in the form of `timestamp`: of `10m` (ago; s, m, h or d), of an ISO 8601 time, which is in UTC unless it has an offset,
 * or of a time of this day as the table shows it. Throws an InvalidArgumentError.
 */
export function parseMoment(text: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms =
    count === undefined || unit === undefined ? parseTime(text, nowMs) : nowMs - Number(count) * (spanMs[unit] ?? 0)
  const moment = new Date(ms)
  if (!Number.isNaN(moment.getTime())) return moment.toISOString()
  throw new InvalidArgumentError(
    'Give a time such as 2026-01-31T12:00:00Z or 12:00, or how long ago, such as 10m or 2h.',
  )
}

function parseTime(text: string, nowMs: number): number {
  const shape =
    /^(?:(\d{4}-\d\d-\d\d)|(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)$/
  const [whole, alone, before, time = '00:00', offset = 'Z'] = shape.exec(text) ?? []
  const day = alone ?? before ?? new Date(nowMs).toISOString().slice(0, 10)
  return whole === undefined ? Number.NaN : Date.parse(`${day}T${time}${offset}`)
}
