import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { BulletinPosition, BulletinSections, SectionName } from '@pop-api/protocol'
import { audiencesOf, viewOf, type Audience } from './views.ts'

/** A view that a change reached: `previous` is the sequence of the change before it in this view. */
interface ChangedView {
  readonly audience: Audience
  readonly previous: number
}

/** What was published, on disk: the sections, and for each audience its views with the sequence of their last change. */
export interface Archive {
  readonly position: () => BulletinPosition
  readonly raiseEpoch: (epoch: number) => void
  /** Sequence of the last change in a view; 0 before the first. */
  readonly lastOf: (audience: Audience) => number
  /** One section as the audience sees it. */
  readonly view: (audience: Audience, section: SectionName) => unknown
  /** All sections as the audience sees them. */
  readonly views: (audience: Audience) => Partial<BulletinSections>
  /**
   * Keeps a section under the next sequence, durable when it returns. Gives the views that changed; none for a value that was
   * there already, which counts nothing.
   */
  readonly keep: (section: SectionName, value: unknown) => readonly ChangedView[]
  [Symbol.dispose](): void
}

const schema = `
  create table if not exists bulletin (one integer primary key check (one = 1), epoch integer not null, sequence integer not null) strict;
  insert or ignore into bulletin values (1, 1, 0);
  create table if not exists bulletin_section (name text primary key, value text not null) strict;
  create table if not exists bulletin_view (
    audience text not null, section text not null, value text not null, sequence integer not null, primary key (audience, section)
  ) strict`

const names: readonly SectionName[] = ['trust', 'modules', 'policy', 'settings']

/** Opens the archive in a SQLite file; `:memory:` for none. */
export function openArchive(path: string): Archive {
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode = wal; pragma synchronous = full')
  database.exec(schema)
  const query = prepare(database)
  const position = (): BulletinPosition => {
    const row = query.position.get()
    return { epoch: Number(row?.['epoch']), sequence: Number(row?.['sequence']) }
  }
  const lastOf = (audience: Audience): number => Number(query.last.get(audience)?.['sequence'] ?? 0)
  return {
    position,
    lastOf,
    raiseEpoch: (epoch) => void query.epoch.run(epoch),
    view: (audience, section) => JSON.parse(String(query.view.get(audience, section)?.['value'])),
    views: (audience) => readAll(query.viewsOf.all(audience)),
    keep(section, value) {
      const before = readAll(query.sections.all())
      const text = JSON.stringify(value)
      if (JSON.stringify(before[section]) === text) return []
      return inTransaction(database, () => {
        query.count.run()
        query.keep.run(section, text)
        const { sequence } = position()
        const after = { ...before, [section]: value }
        return everyAudience(before, after).flatMap((audience) => {
          const previous = lastOf(audience)
          return keepViews(query, audience, after, sequence) ? [{ audience, previous }] : []
        })
      })
    },
    [Symbol.dispose]: () => database.close(),
  }
}

type Query = Readonly<
  Record<'position' | 'count' | 'epoch' | 'sections' | 'keep' | 'view' | 'keepView' | 'viewsOf' | 'last', StatementSync>
>

function prepare(database: DatabaseSync): Query {
  return {
    position: database.prepare('select epoch, sequence from bulletin'),
    count: database.prepare('update bulletin set sequence = sequence + 1'),
    epoch: database.prepare('update bulletin set epoch = ?'),
    sections: database.prepare('select name, value from bulletin_section'),
    keep: database.prepare(
      'insert into bulletin_section values (?, ?) on conflict (name) do update set value = excluded.value',
    ),
    view: database.prepare('select value from bulletin_view where audience = ? and section = ?'),
    keepView: database.prepare(
      `insert into bulletin_view values (?, ?, ?, ?)
       on conflict (audience, section) do update set value = excluded.value, sequence = excluded.sequence`,
    ),
    viewsOf: database.prepare('select section as name, value from bulletin_view where audience = ?'),
    last: database.prepare('select max(sequence) as sequence from bulletin_view where audience = ?'),
  }
}

/** A module that is no longer published keeps its audience: its view becomes empty, and it learns so. */
function everyAudience(before: Partial<BulletinSections>, after: Partial<BulletinSections>): readonly Audience[] {
  return [...new Set([...audiencesOf(before), ...audiencesOf(after)])]
}

function keepViews(query: Query, audience: Audience, sections: Partial<BulletinSections>, sequence: number): boolean {
  let changed = false
  for (const name of names) {
    const value = viewOf(name, sections, audience)
    const text = value === undefined ? undefined : JSON.stringify(value)
    if (text === undefined || query.view.get(audience, name)?.['value'] === text) continue
    query.keepView.run(audience, name, text, sequence)
    changed = true
  }
  return changed
}

function readAll(rows: ReturnType<StatementSync['all']>): Partial<BulletinSections> {
  return Object.fromEntries(rows.map((row) => [String(row['name']), JSON.parse(String(row['value']))]))
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    database.exec('rollback')
    throw error
  }
}
