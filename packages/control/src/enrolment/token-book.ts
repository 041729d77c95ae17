import { hash, randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { PopError, type EnrolmentKind } from '@pop-api/protocol'

/** What a one-time token entitles to become. */
export interface Entitlement {
  readonly name: string
  readonly kind: EnrolmentKind
}

/**
 * One-time enrolment tokens. Only their hash is stored. A token is bound to the first set of keys that it is shown with: with the
 * same keys it gives the same entitlement again within its life, so that a lost answer can be asked for anew; with others never.
 */
export interface TokenBook {
  /** A new secret, base64url of 32 bytes. */
  readonly issue: (entitlement: Entitlement, nowMs: number) => string
  /** Throws `enrolment-refused` for a secret that is unknown, at its end, or bound to other keys. The same words for all. */
  readonly redeem: (secret: string, keysDigest: string, nowMs: number) => Entitlement
  [Symbol.dispose](): void
}

export const tokenLifeMs = 600_000

const schema = `
  create table if not exists enrolment_token (
    secret_hash text primary key,
    name text not null,
    kind text not null check (kind in ('gateway', 'module', 'issuer')),
    ends_ms integer not null,
    keys_digest text
  ) strict`

/** Opens the book in a SQLite file; `:memory:` for none. */
export function openTokenBook(path: string): TokenBook {
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode = wal; pragma synchronous = full')
  database.exec(schema)
  const insert = database.prepare('insert into enrolment_token (secret_hash, name, kind, ends_ms) values (?, ?, ?, ?)')
  const purge = database.prepare('delete from enrolment_token where ends_ms <= ?')
  // One statement decides and binds: of many who show the token at once with different keys, one wins.
  const bind = database.prepare(
    `update enrolment_token set keys_digest = ?2
     where secret_hash = ?1 and ends_ms > ?3 and (keys_digest is null or keys_digest = ?2) returning name, kind`,
  )
  return {
    issue({ name, kind }, nowMs) {
      const secret = randomBytes(32).toString('base64url')
      purge.run(nowMs)
      insert.run(hash('sha256', secret, 'hex'), name, kind, nowMs + tokenLifeMs)
      return secret
    },
    redeem(secret, keysDigest, nowMs) {
      const row = bind.get(hash('sha256', secret, 'hex'), keysDigest, nowMs)
      if (row === undefined)
        throw new PopError('enrolment-refused', 'The enrolment token is not known, or was used or has ended.')
      // The columns are as the schema's own checks keep them.
      return { name: String(row['name']), kind: String(row['kind']) as EnrolmentKind }
    },
    [Symbol.dispose]: () => database.close(),
  }
}
