import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { transact } from '@pop-api/workload'

/** Control's state. One writer, this process; every acknowledged change is on the disk. */
export interface Store {
  readonly database: DatabaseSync
  /** Runs work whole or not at all. Work must not wait: the transaction is the process's only one. */
  readonly transact: <T>(work: () => T) => T
  readonly [Symbol.dispose]: () => void
}

/** The tables of the first version; `keyring` keeps the keys, this the rest. */
const firstVersion = `
  create table if not exists facts (name text primary key, value text not null) strict;
  create table if not exists tokens (
    hash text primary key, kind text not null, name text not null, instance text not null, cidr text not null,
    expires_ms integer not null, binding text, result text
  ) strict;
  create table if not exists workloads (
    spiffe_id text primary key, kind text not null, name text not null, enrolled_ms integer not null
  ) strict;
  create table if not exists txn_keys (
    kid text primary key, owner text not null, jwk text not null, state text not null, since_ms integer not null
  ) strict;
  create table if not exists api_keys (
    id text primary key, hash text not null unique, owner text not null, spiffe_id text not null, created_ms integer not null
  ) strict;
  create table if not exists modules (
    name text primary key, base text not null unique, manifest text not null, digest text not null,
    pending text, pending_digest text
  ) strict;
  create table if not exists instances (
    spiffe_id text primary key, module text not null references modules (name), address text not null,
    digest text not null, boot text not null
  ) strict;
  create table if not exists views (audience text primary key, sequence integer not null) strict;
  create table if not exists view_sections (
    audience text not null, section text not null, digest text not null, primary key (audience, section)
  ) strict;
`

/**
 * What leads from each version of the store to the next; `pragma user_version` counts those that are done. Only ever added to. The
 * first may find its tables: stores began without a count.
 */
const migrations: readonly string[] = [
  firstVersion,
  'alter table workloads add column mesh_key text',
  `create table if not exists used_txns (
    iss text not null, txn text not null, until_ms integer not null, primary key (iss, txn)
  ) strict`,
  `create table if not exists revocations (
    id text primary key, kind text not null, value text not null, issued_until integer, until integer not null,
    reason text not null, by text not null, at integer not null
  ) strict;
  create index if not exists revocations_by_value on revocations (kind, value);
  create index if not exists revocations_by_end on revocations (until)`,
  `create table if not exists session_ends (
    revocation text primary key references revocations (id) on delete cascade, tries integer not null, ended_at integer
  ) strict`,
  'create table if not exists unlocks (name text primary key, at_ms integer not null, until_ms integer not null) strict',
  'alter table session_ends add column lasts_seconds integer',
]

/**
 * Opens or makes the database at `path` (0600): write-ahead log, every commit synchronised. An older one is brought up to date.
 * Throws when another process holds it, or a later version of control made it.
 */
export function openStore(path: string): Store {
  const database = new DatabaseSync(path, { timeout: 0 })
  chmodSync(path, 0o600)
  // Exclusive: two controls on one state would each count their own sequence.
  database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full')
  database.exec('pragma foreign_keys = on')
  try {
    migrate(database)
  } catch (error) {
    database.close()
    throw error
  }
  return {
    database,
    transact: (work) => transact(database, work),
    [Symbol.dispose]: () => database.close(),
  }
}

function migrate(database: DatabaseSync): void {
  const done = requiredNumber(database.prepare('pragma user_version').get()?.['user_version'])
  if (done > migrations.length) {
    throw new Error(
      `The state is of version ${done}, and this control knows versions up to ${migrations.length}: start the later one.`,
    )
  }
  const missing = migrations.slice(done).join(';')
  database.exec(`begin exclusive; ${missing}; pragma user_version = ${migrations.length}; commit`)
}

/** A fact as it was last set; undefined when it never was. */
export function readFact({ database }: Store, name: string): string | undefined {
  return textOf(database.prepare('select value from facts where name = ?').get(name)?.['value'])
}

export function setFact({ database }: Store, name: string, value: string): void {
  database
    .prepare('insert into facts values (?, ?) on conflict (name) do update set value = excluded.value')
    .run(name, value)
}

/** A column that the schema declares as text, which may be null. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A column that the schema declares as text and not null. */
export function requiredText(value: unknown): string {
  if (typeof value === 'string') return value
  throw new Error('The database holds something else than its schema says.')
}

/** A column that the schema declares as integer and not null. */
export function requiredNumber(value: unknown): number {
  if (typeof value === 'number') return value
  throw new Error('The database holds something else than its schema says.')
}
