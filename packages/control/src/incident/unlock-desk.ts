import { unlocksMax, type Unlock } from '@pop-api/protocol'
import { settingsInForce } from '../settings/settings-desk.ts'
import { requiredNumber, requiredText, type Store } from '../store/store.ts'

/** Beyond the life of a lock, for clocks that are not the same and gateways that were away for a moment. */
const marginMs = 60_000

/** Every live one, the oldest first. */
export function readUnlocks({ database }: Store): readonly Unlock[] {
  const rows = database.prepare('select name, at_ms, until_ms from unlocks order by at_ms, name').all()
  return rows.map(({ name, at_ms: at, until_ms: until }) => {
    return { name: requiredText(name), at: requiredNumber(at), until: requiredNumber(until) }
  })
}

/**
 * Orders that gateways forget the failed sign-ins under these names; nothing where the settings let the provider alone count. Runs
 * inside a change.
 */
export function putUnlocks(store: Store, names: readonly string[], nowMs: number): void {
  const { lockout, security_config: security } = settingsInForce(store)
  if (lockout.scope === 'account') return
  const until = nowMs + security.lockout_duration * 1000 + marginMs
  // Twice within a millisecond, or with a clock that was set back, is twice all the same.
  const insert = store.database.prepare(
    'insert into unlocks values (?, ?, ?) on conflict (name) do update set ' +
      'at_ms = max(at_ms + 1, excluded.at_ms), until_ms = excluded.until_ms',
  )
  for (const name of names) insert.run(name, nowMs, until)
  const oldest = 'select name from unlocks order by at_ms desc, name limit -1 offset ?'
  store.database.prepare(`delete from unlocks where name in (${oldest})`).run(unlocksMax)
}

/** Removes what has ended. Runs inside a change. */
export function sweepUnlocks({ database }: Store, nowMs: number): void {
  database.prepare('delete from unlocks where until_ms <= ?').run(nowMs)
}

/** True if there is something to sweep. */
export function hasEndedUnlocks({ database }: Store, nowMs: number): boolean {
  return database.prepare('select 1 from unlocks where until_ms <= ? limit 1').get(nowMs) !== undefined
}
