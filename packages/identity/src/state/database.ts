import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ensureSecretFolder } from '@pop-api/keyring'

const busyTimeoutMs = 5000

const schema = `
  create table if not exists artifact (
    model text not null,
    id_hash text not null,
    grant_id text,
    uid text,
    user_code text,
    payload text not null,
    consumed integer,
    expires_ms integer not null,
    primary key (model, id_hash)
  ) strict, without rowid;
  create index if not exists artifact_grant on artifact (grant_id);
  create index if not exists artifact_expiry on artifact (expires_ms);
  create table if not exists account (
    id text primary key,
    tries integer not null,
    failures integer not null,
    locked_until_ms integer not null,
    last_step integer not null
  ) strict, without rowid;
  create table if not exists revoked_token (
    jti text primary key,
    expires_ms integer not null
  ) strict, without rowid;
`

/**
 * Opens `<home>/state.db` (0600, in a 0700 folder that is made when missing), which holds everything the provider must not
 * forget. What a statement has changed is on disk when it returns (WAL, synchronous=FULL). The caller closes it.
 */
export async function openDatabase(home: string): Promise<DatabaseSync> {
  await ensureSecretFolder(home)
  const path = join(home, 'state.db')
  // SQLite would make the file as the umask says; its journal gets the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs })
  database.exec(`pragma journal_mode = wal; pragma synchronous = full; ${schema}`)
  return database
}

/** Runs `work` as one write transaction, which no other connection can come between. `work` must not wait. */
export function transact<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}
