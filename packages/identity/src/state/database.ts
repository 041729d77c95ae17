import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { ensureSecretFolder } from '@pop-api/keyring'
import { openStateDatabase } from '@pop-api/workload'

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
  create table if not exists second_factor (
    account_id text primary key,
    totp_secret text not null,
    enrolled_ms integer not null
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
  return openStateDatabase(join(home, 'state.db'), schema)
}
