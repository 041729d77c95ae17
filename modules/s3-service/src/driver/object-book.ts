import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { PopError } from '@pop-api/module'
import { bookedObject, type BookedObject } from './booked-object.ts'
import { listObjects } from './list-objects.ts'
import type { BucketInfo, Listing, ListWanted, Precondition } from './object-driver.ts'

/** One incarnation of a bucket: one that is made anew under the same name is another. */
interface BookedBucket {
  readonly id: number
  readonly owner: string
}

/** What an owner's objects take. */
export interface Usage {
  readonly bytes: number
  readonly objects: number
}

/** A whole object that lies on the disk and is not visible yet. */
interface NewObject extends BookedObject {
  readonly bucketId: number
}

export interface Quota {
  readonly bucketsPerOwnerMax: number
  readonly bytesPerOwnerMax: number
  readonly objectsPerOwnerMax: number
}

/** The truth about what is there. Every change is one transaction, on the disk when it returns. */
export interface ObjectBook {
  readonly bucket: (name: string) => BookedBucket | undefined
  readonly bucketInfo: (name: string) => BucketInfo
  /** Throws `quota-exceeded` for an owner who has enough of them. */
  readonly createBucket: (name: string, owner: string, nowMs: number, quota: Quota) => void
  readonly removeBucket: (name: string) => void
  readonly usage: (owner: string) => Usage
  readonly find: (bucket: string, key: string) => BookedObject | undefined
  /** Makes an object the present one. Gives the file of the one before it, which nobody needs any more. */
  readonly commit: (
    object: NewObject,
    precondition: Precondition,
    quota: Quota,
  ) => { readonly replaced: string | undefined }
  /** Gives the file of what was removed. */
  readonly remove: (bucket: string, key: string, precondition: Precondition) => string
  readonly list: (wanted: ListWanted) => Listing
  /** Every file that is some object's present one. */
  readonly files: () => ReadonlySet<string>
  /** A number that no attempt had before, also over restarts. */
  readonly nextVersion: () => number
  readonly [Symbol.dispose]: () => void
}

const schema = `
  pragma locking_mode = exclusive;
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  create table if not exists bucket (
    id integer primary key autoincrement,
    name text not null unique,
    owner text not null,
    created_ms integer not null
  ) strict;
  create index if not exists bucket_of_owner on bucket (owner);
  create table if not exists object (
    bucket_id integer not null references bucket (id),
    key text not null,
    version integer not null unique,
    file text not null unique,
    data_key_id text not null,
    bytes integer not null,
    etag text not null,
    content_type text not null,
    modified_ms integer not null,
    primary key (bucket_id, key)
  ) strict, without rowid;
  create table if not exists usage (
    owner text primary key,
    bytes integer not null,
    objects integer not null
  ) strict, without rowid;
  create table if not exists sequence (one integer primary key check (one = 1), version integer not null) strict;
  insert into sequence values (1, 0) on conflict do nothing;
`
/** Versions are taken from the disk in blocks, so that an attempt costs no write; a crash leaves a gap. */
const versionsAtOnce = 1000

/** A process that is told to end may still hold the book when its successor starts. */
const lockWaitMs = 2000
/** SQLite's word for what another holds. */
const sqliteBusy = 5

/**
 * Opens the book at a path (0600), made when it is not there, and holds it alone until it is disposed: what a second process took
 * for left behind could be what this one is about to make visible. Throws an Error where another process holds it.
 */
export function openObjectBook(path: string): ObjectBook {
  const database = openAlone(path)
  const tables = openTables(database)
  const { bucket, usage, find } = tables
  return {
    bucket,
    usage,
    find,
    bucketInfo: tables.bucketInfo,
    createBucket: (name, owner, nowMs, quota) =>
      transact(database, () => createBucket(tables, { name, owner, nowMs }, quota)),
    removeBucket: (name) => transact(database, () => removeBucket(tables, name)),
    commit: (object, precondition, quota) =>
      transact(database, () => commitObject(tables, object, precondition, quota)),
    remove: (name, key, precondition) => transact(database, () => removeObject(tables, name, key, precondition)),
    list: (wanted) => {
      const present = bucket(wanted.bucket)
      if (present === undefined) throw noBucket()
      return listObjects(database, present.id, wanted)
    },
    files: () =>
      new Set(
        database
          .prepare('select file from object')
          .all()
          .map((row) => String(row['file'])),
      ),
    nextVersion: createSequence(database),
    [Symbol.dispose]: () => database.close(),
  }
}

function openAlone(path: string): DatabaseSync {
  // SQLite would make the file as the umask says; its journal gets the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: lockWaitMs })
  try {
    database.exec(schema)
    return database
  } catch (cause) {
    database.close()
    if (!(cause instanceof Error) || Reflect.get(cause, 'errcode') !== sqliteBusy) throw cause
    const message = `${path} is held by another process, which has to end first: only one may serve these objects.`
    throw new Error(message, { cause })
  }
}

interface Tables extends Pick<ObjectBook, 'bucket' | 'usage' | 'find' | 'bucketInfo'> {
  readonly database: DatabaseSync
  /** Adds to what an owner's objects take. */
  readonly charge: (owner: string, bytes: number, objects: number) => void
}

function openTables(database: DatabaseSync): Tables {
  const bucketRow = database.prepare('select id, owner from bucket where name = ?')
  const usageRow = database.prepare('select bytes, objects from usage where owner = ?')
  const objectRow = database.prepare(
    `select o.* from object o join bucket b on b.id = o.bucket_id where b.name = ? and o.key = ?`,
  )
  const infoRow = database.prepare(
    `select b.created_ms, count(o.key) as objects, coalesce(sum(o.bytes), 0) as bytes
     from bucket b left join object o on o.bucket_id = b.id where b.name = ? group by b.id`,
  )
  const charging = database.prepare(
    `insert into usage values (?1, ?2, ?3)
     on conflict do update set bytes = bytes + excluded.bytes, objects = objects + excluded.objects`,
  )
  return {
    database,
    bucket: (name) => {
      const row = bucketRow.get(name)
      return row === undefined ? undefined : { id: Number(row['id']), owner: String(row['owner']) }
    },
    usage: (owner) => {
      const row = usageRow.get(owner)
      return { bytes: Number(row?.['bytes'] ?? 0), objects: Number(row?.['objects'] ?? 0) }
    },
    find: (name, key) => {
      const row = objectRow.get(name, key)
      return row === undefined ? undefined : bookedObject(row)
    },
    bucketInfo: (name) => {
      const row = infoRow.get(name)
      if (row === undefined) throw noBucket()
      const [objects, bytes, createdMs] = [Number(row['objects']), Number(row['bytes']), Number(row['created_ms'])]
      return { name, objects, bytes, createdMs }
    },
    charge: (owner, bytes, objects) => void charging.run(owner, bytes, objects),
  }
}

function createBucket(
  { database }: Tables,
  { name, owner, nowMs }: { readonly name: string; readonly owner: string; readonly nowMs: number },
  { bucketsPerOwnerMax }: Quota,
): void {
  const row = database.prepare('select count(*) as buckets from bucket where owner = ?').get(owner)
  if (Number(row?.['buckets']) >= bucketsPerOwnerMax)
    throw new PopError('quota-exceeded', `One owner may have ${bucketsPerOwnerMax} buckets.`)
  database.prepare('insert into bucket (name, owner, created_ms) values (?, ?, ?)').run(name, owner, nowMs)
}

function removeBucket({ database, bucket }: Tables, name: string): void {
  const present = bucket(name)
  if (present === undefined) throw noBucket()
  const row = database.prepare('select exists (select 1 from object where bucket_id = ?) as filled').get(present.id)
  if (row?.['filled'] === 1) throw new PopError('conflict', 'The bucket is not empty: delete its objects first.')
  // Uploads into it that are still open find it gone when they would be committed.
  database.prepare('delete from bucket where id = ?').run(present.id)
}

function commitObject(
  { database, find, usage, charge }: Tables,
  object: NewObject,
  precondition: Precondition,
  quota: Quota,
): { readonly replaced: string | undefined } {
  const { bucketId, key, version, file, dataKeyId, bytes, etag, contentType, modifiedMs } = object
  const bucket = database.prepare('select name, owner from bucket where id = ?').get(bucketId)
  if (bucket === undefined) throw noBucket()
  const owner = String(bucket['owner'])
  const before = find(String(bucket['name']), key)
  precondition(before)
  charge(owner, bytes - (before?.bytes ?? 0), before === undefined ? 1 : 0)
  refuseAbove(usage(owner), quota)
  database.prepare('delete from object where bucket_id = ? and key = ?').run(bucketId, key)
  database
    .prepare('insert into object values (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(bucketId, key, version, file, dataKeyId, bytes, etag, contentType, modifiedMs)
  return { replaced: before?.file }
}

function removeObject(
  { database, bucket, find, charge }: Tables,
  name: string,
  key: string,
  precondition: Precondition,
): string {
  const [present, before] = [bucket(name), find(name, key)]
  precondition(before)
  if (present === undefined || before === undefined) throw noObject()
  charge(present.owner, -before.bytes, -1)
  database.prepare('delete from object where bucket_id = ? and key = ?').run(present.id, key)
  return before.file
}

function createSequence(database: DatabaseSync): () => number {
  const take = database.prepare('update sequence set version = version + ? returning version')
  let version = 0
  let end = 0
  return () => {
    if (version === end) {
      end = Number(take.get(versionsAtOnce)?.['version'])
      version = end - versionsAtOnce
    }
    return ++version
  }
}

/** Throws `quota-exceeded` for what an owner may not have. */
export function refuseAbove({ bytes, objects }: Usage, { bytesPerOwnerMax, objectsPerOwnerMax }: Quota): void {
  if (bytes > bytesPerOwnerMax)
    throw new PopError('quota-exceeded', `The objects of one owner may have ${bytesPerOwnerMax} bytes together.`)
  if (objects > objectsPerOwnerMax)
    throw new PopError('quota-exceeded', `One owner may have ${objectsPerOwnerMax} objects.`)
}

export function noBucket(): PopError {
  return new PopError('resource-not-found', 'There is no such bucket, or no longer.')
}

export function noObject(): PopError {
  return new PopError('resource-not-found', 'There is no such object.')
}

function transact<T>(database: DatabaseSync, work: () => T): T {
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
