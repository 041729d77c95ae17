import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Ownership } from '@pop-api/protocol'
import type { Resource, Visibility } from './resource.ts'

/** One page of a list: admitted resources in the order of their ids, and where the next begins. */
export interface BookPage {
  readonly resources: readonly Resource[]
  /** Id behind which the next page begins; undefined for the last page. */
  readonly next: string | undefined
}

interface PageWanted {
  readonly kind: string
  readonly subject: string
  readonly ownerships: readonly Ownership[]
  /** Only ids behind this one; the empty text for the first page. */
  readonly after: string
  readonly limit: number
}

/**
 * Who owns what in a module, on disk. A creation is `pending` until its handler has succeeded, a deletion `deleting` until then:
 * after a crash `recover` asks the module's own store which of the two was true.
 */
export interface ResourceBook {
  /** Resources that exist, those that are being deleted included. */
  readonly find: (kind: string, id: string) => Resource | undefined
  /** Takes a name for a creation; false when it is taken. */
  readonly reserve: (resource: Resource) => boolean
  readonly hold: (kind: string, id: string, visibility: Visibility) => void
  readonly release: (kind: string, id: string) => void
  readonly beginDelete: (kind: string, id: string) => void
  readonly endDelete: (kind: string, id: string, done: boolean) => void
  readonly setVisibility: (kind: string, id: string, visibility: Visibility) => void
  readonly page: (wanted: PageWanted) => BookPage
  /** Settles what a crash left unfinished. Call it before anything is served. */
  readonly recover: (exists: (kind: string, id: string) => boolean | Promise<boolean>) => Promise<void>
  readonly [Symbol.dispose]: () => void
}

const schema = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  create table if not exists resource (
    kind text not null,
    id text not null,
    owner text not null,
    visibility text not null check (visibility in ('private', 'public')),
    state text not null check (state in ('pending', 'held', 'deleting')),
    created_ms integer not null,
    primary key (kind, id)
  ) strict, without rowid;
  create index if not exists resource_of_owner on resource (kind, owner, id);
`

/** Opens the book at a path, made when it is not there. `nowMs` dates the entries. Dispose it to close the file. */
export function openBook(path: string, nowMs: () => number): ResourceBook {
  // SQLite would make the file as the umask says; its journal gets the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: 5000 })
  database.exec(schema)
  const found = database.prepare(
    `select kind, id, owner, visibility from resource where kind = ? and id = ? and state <> 'pending'`,
  )
  const reserved = database.prepare(
    `insert into resource (kind, id, owner, visibility, state, created_ms) values (?, ?, ?, ?, 'pending', ?) on conflict do nothing`,
  )
  const held = database.prepare(`update resource set state = 'held', visibility = ? where kind = ? and id = ?`)
  const released = database.prepare(`delete from resource where kind = ? and id = ? and state = 'pending'`)
  const deleting = database.prepare(`update resource set state = 'deleting' where kind = ? and id = ?`)
  const deleted = database.prepare(`delete from resource where kind = ? and id = ? and state = 'deleting'`)
  const kept = database.prepare(`update resource set state = 'held' where kind = ? and id = ? and state = 'deleting'`)
  const shown = database.prepare(`update resource set visibility = ? where kind = ? and id = ?`)
  const paged = database.prepare(
    `select kind, id, owner, visibility from resource
     where kind = ? and id > ? and state <> 'pending' and (? = 1 or (? = 1 and owner = ?) or (? = 1 and visibility = 'public'))
     order by id limit ?`,
  )
  const unsettled = database.prepare(`select kind, id, owner, visibility from resource where state <> 'held'`)
  const book: ResourceBook = {
    find: (kind, id) => resources(found, kind, id)[0],
    reserve: ({ kind, id, owner, visibility }) => reserved.run(kind, id, owner, visibility, nowMs()).changes === 1,
    hold: (kind, id, visibility) => void held.run(visibility, kind, id),
    release: (kind, id) => void released.run(kind, id),
    beginDelete: (kind, id) => void deleting.run(kind, id),
    endDelete: (kind, id, done) => void (done ? deleted : kept).run(kind, id),
    setVisibility: (kind, id, visibility) => void shown.run(visibility, kind, id),
    page: ({ kind, subject, ownerships, after, limit }) => {
      const has = (ownership: Ownership) => (ownerships.includes(ownership) ? 1 : 0)
      // One more than asked for tells whether there is a next page.
      const rows = resources(paged, kind, after, has('any'), has('own'), subject, has('public'), limit + 1)
      const page = rows.slice(0, limit)
      return { resources: page, next: rows.length > limit ? page.at(-1)?.id : undefined }
    },
    recover: async (exists) => {
      for (const { kind, id, visibility } of resources(unsettled)) {
        if (await exists(kind, id)) held.run(visibility, kind, id)
        else database.prepare('delete from resource where kind = ? and id = ?').run(kind, id)
      }
    },
    [Symbol.dispose]: () => database.close(),
  }
  return book
}

function resources(statement: StatementSync, ...values: readonly (string | number)[]): readonly Resource[] {
  // The statements select these four columns, whose types and values the schema checks.
  return statement.all(...values) as unknown as readonly Resource[]
}
