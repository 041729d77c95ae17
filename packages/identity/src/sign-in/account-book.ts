import type { DatabaseSync } from 'node:sqlite'
import { transact } from '@pop-api/workload'
import { untouchedAccount, type AccountState } from './lockout.ts'

/** The tries of every account, on disk. */
export interface AccountBook {
  /**
   * Shows `decide` the state of the account and keeps the state it gives back, as one transaction: of two tries at once the
   * second sees what the first has left. Every call writes, so that a refusal takes as long as any other.
   */
  update<T>(accountId: string, decide: (state: AccountState) => { readonly state: AccountState; readonly result: T }): T
}

export function accountBook(database: DatabaseSync): AccountBook {
  const read = database.prepare('select failures, locked_until_ms, last_step from account where id = ?')
  // `tries` makes each write a real one: SQLite does not write a page that has not changed.
  const write = database.prepare(`
    insert into account (id, tries, failures, locked_until_ms, last_step) values (?, 1, ?, ?, ?)
    on conflict (id) do update set
      tries = tries + 1, failures = excluded.failures,
      locked_until_ms = excluded.locked_until_ms, last_step = excluded.last_step
  `)
  return {
    update: (accountId, decide) =>
      transact(database, () => {
        const { state, result } = decide(stateOf(read.get(accountId)))
        write.run(accountId, state.failures, state.lockedUntilMs, state.lastStep)
        return result
      }),
  }
}

function stateOf(row: Record<string, unknown> | undefined): AccountState {
  if (row === undefined) return untouchedAccount
  const { failures, locked_until_ms: lockedUntilMs, last_step: lastStep } = row
  return { failures: Number(failures), lockedUntilMs: Number(lockedUntilMs), lastStep: Number(lastStep) }
}
