import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const busyMsMax = 5_000

/**
 * Opens or makes a database of a process's own (0600) and applies its schema, which must hold when it is applied again. What a
 * statement has changed is on the disk when it returns (WAL, synchronous=FULL). The caller closes it.
 */
export function openStateDatabase(path: string, schema: string): DatabaseSync {
  // SQLite would make the file as the umask says; its journal gets the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: busyMsMax })
  database.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; ${schema}`)
  return database
}

/** Runs `work` as one write transaction, whole or not at all, which no other connection can come between. `work` must not wait. */
export function transact<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (failure) {
    // SQLite has ended it already where the disk was full.
    if (database.isTransaction) database.exec('rollback')
    throw failure
  }
}
