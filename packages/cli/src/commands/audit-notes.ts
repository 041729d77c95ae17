import type { AuditQuery } from '@pop-api/audit'
import type { LoggedEvent } from './audit-table.ts'

/** What a search of the logs found, and in what. */
export interface Search {
  readonly events: readonly LoggedEvent[]
  /** How many fit; `events` may be the last of them. */
  readonly matching: number
  /** How many were looked at. */
  readonly read: number
  readonly logs: readonly string[]
  readonly services: readonly string[]
}

/** The sentence for a list that was cut off though nobody asked for a count. */
export function cutNote({ events, matching }: Search): string {
  return `${events.length} of ${matching}; -n 0 for all.`
}

/** The sentences for nothing found: what was looked at, and where else to look. */
export function emptyNote(home: string, query: AuditQuery, { read, logs }: Search): string {
  const asked = Object.entries(query).map(([name, value]) => `${names[name] ?? `--${name}`} ${value}`)
  const found = asked.length === 0 ? 'There is no event yet.' : `No event fits ${asked.join(' ')}.`
  const looked = `Looked at ${read === 1 ? 'one event' : `${read} events`} of ${logs.join(', ') || 'no log'} in ${home}.`
  return [found, looked, ...elsewhere(query)].join('\n')
}

/** Where the option is called otherwise than the member of the query. */
const names: Readonly<Record<string, string>> = { request_id: '--request', resource_id: '--resource' }

function elsewhere({ request_id, txn, decision, user, since }: AuditQuery): readonly string[] {
  const hints: string[] = []
  if (request_id !== undefined) {
    hints.push(
      'What the front door refuses is counted, with only the first request id of each second, address and reason: ' +
        'see the LOG "gateway refusals" around that time.',
    )
  }
  if (decision !== undefined) hints.push('Only what the policy decided has a decision: try the request id.')
  if (txn !== undefined) hints.push('What was refused before it had a transaction has none: try the request id.')
  if (user !== undefined)
    hints.push('Who was not identified stands as "-": look at the address, or at --action sign_in.')
  if (since !== undefined) hints.push('Times are UTC.')
  hints.push('With audit_level: basic, reads are not recorded. Another run has its own logs: give it with --home.')
  return hints
}
