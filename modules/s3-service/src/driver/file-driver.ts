import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { KeyringError, type KeyWrapper } from '@pop-api/keyring'
import { PopError } from '@pop-api/module'
import type { BookedObject } from './booked-object.ts'
import { noBucket, noObject, openObjectBook, type ObjectBook, type Quota } from './object-book.ts'
import type { ObjectDriver, ObjectInfo, OpenObject, Put } from './object-driver.ts'
import {
  damaged,
  dataContext,
  decodeHeader,
  encodeHeader,
  headerBytesMax,
  wrapContext,
  type ObjectName,
} from './object-file.ts'
import { readChunks } from './read-object.ts'
import { openReservations, type Reservations } from './reservations.ts'
import { storageFailure } from './storage-full.ts'
import { writeAll, writeChunks } from './write-object.ts'

/** How long an object may be held open before its first byte is asked for. */
const unreadMsMax = 60_000

export interface FileDriverOptions {
  /** Absolute; `objects.db` and `objects/` come to lie in it. */
  readonly home: string
  readonly keys: KeyWrapper
  readonly quota: Quota
  readonly nowMs: () => number
  /** Told of a file that could not be removed once nobody needed it: it goes at the next start. */
  readonly onFault: (fault: unknown) => void
}

interface Store extends FileDriverOptions {
  readonly folder: string
  readonly book: ObjectBook
  readonly reservations: Reservations
}

/**
 * Opens the embedded driver: each object a file of encrypted chunks under a key of its own, and a book that says which file and
 * version is the present one. What no entry of the book names was never visible, or no longer is: it is removed here, so that an
 * upload that a crash cut off leaves nothing behind. Rejects when the home cannot be used, and when there are files and no book.
 */
export async function openFileDriver(options: FileDriverOptions): Promise<ObjectDriver> {
  const folder = join(options.home, 'objects')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!(await hasObjectBook(options.home))) await refuseFiles(folder)
  const book = openObjectBook(bookPath(options.home))
  await removeOrphans(folder, book.files())
  const store = { ...options, folder, book, reservations: openReservations(book.usage, options.quota) }
  return {
    hasBucket: async (name) => book.bucket(name) !== undefined,
    createBucket: async (name, owner) => guarded(() => book.createBucket(name, owner, options.nowMs(), options.quota)),
    bucket: async (name) => book.bucketInfo(name),
    removeBucket: async (name) => guarded(() => book.removeBucket(name)),
    put: (wanted) => put(store, wanted),
    find: async (bucket, key) => book.find(bucket, key) ?? refuse(noObject()),
    open: (bucket, key) => openObject(store, { bucket, key }),
    remove: async (bucket, key, precondition) => {
      const file = guarded(() => book.remove(bucket, key, precondition))
      // Whoever reads it has it open and reads on.
      await discard(store, file)
    },
    list: async (wanted) => book.list(wanted),
    [Symbol.asyncDispose]: async () => book[Symbol.dispose](),
  }
}

function bookPath(home: string): string {
  return join(home, 'objects.db')
}

/** Whether a driver has worked in this home: then the key that it worked with must be there too. */
export async function hasObjectBook(home: string): Promise<boolean> {
  return (await readdir(home)).includes(basename(bookPath(home)))
}

/** To an empty book every file is left behind: one that was lost would take all objects with it. */
async function refuseFiles(folder: string): Promise<void> {
  const { length } = await readdir(folder)
  if (length === 0) return
  const advice = 'Restore it from its backup, or empty the folder if nothing in it is wanted.'
  throw new Error(
    `${folder} has ${length} files, and the book that says what they are, objects.db, is missing. ${advice}`,
  )
}

function refuse(error: PopError): never {
  throw error
}

function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (failure) {
    throw storageFailure(failure)
  }
}

const nameShape = /^[0-9a-f]{32}$/

/** Removes a file that no entry names any more. What it was removed for has happened, whether this succeeds or not. */
async function discard({ folder, onFault }: Store, file: string): Promise<void> {
  try {
    await rm(join(folder, file), { force: true })
  } catch (fault) {
    onFault(fault)
  }
}

async function removeOrphans(folder: string, present: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder))
    // Whatever else lies there was not put there by us.
    if (nameShape.test(name) && !present.has(name)) await rm(join(folder, name), { force: true })
}

async function put(store: Store, wanted: Put): Promise<{ readonly info: ObjectInfo; readonly created: boolean }> {
  const { bucket, key, lengthBytes, precondition } = wanted
  const { book, folder, reservations } = store
  const incarnation = book.bucket(bucket) ?? refuse(noBucket())
  // Deleted and made anew by another since the request was admitted.
  if (incarnation.owner !== wanted.owner) throw noBucket()
  // Asked early too, so that a body that cannot be kept is not sent for nothing.
  const before = book.find(bucket, key)
  precondition(before)
  using reservation = reservations.reserve(incarnation.owner, lengthBytes ?? 0, before?.bytes ?? 0)
  const file = randomBytes(16).toString('hex')
  try {
    const object = await writeFile(store, wanted, file, reservation.grow)
    if ((await wanted.verified) !== 'complete')
      throw new PopError('malformed-request', 'The body broke off, and nothing was kept.')
    await syncFolder(folder)
    const { replaced } = book.commit({ ...object, bucketId: incarnation.id }, precondition, store.quota)
    if (replaced !== undefined) await discard(store, replaced)
    return { info: object, created: replaced === undefined }
  } catch (failure) {
    // Committed or not, the book knows; a file that it names stays.
    if (book.find(bucket, key)?.file !== file) await discard(store, file)
    throw storageFailure(failure)
  }
}

async function writeFile(
  { keys, folder, book, nowMs }: Store,
  { bucket, key, contentType, bytes: pieces }: Put,
  file: string,
  grow: (bytes: number) => void,
): Promise<BookedObject> {
  const dataKey = randomBytes(32)
  const [version, dataKeyId] = [book.nextVersion(), randomBytes(16).toString('hex')]
  const wrapped = await keys.wrap(dataKey, wrapContext({ bucket, key }, version, dataKeyId))
  await using handle = await open(join(folder, file), 'wx', 0o600)
  const header = encodeHeader({ version, dataKeyId, wrapped })
  await writeAll(handle, header, 0)
  const sealing = { dataKey, context: dataContext({ bucket, key }, version, dataKeyId) }
  const { bytes, sha256 } = await writeChunks(handle, header.length, sealing, pieces, grow)
  await handle.sync()
  return { key, bytes, etag: `"${sha256}"`, contentType, modifiedMs: nowMs(), file, version, dataKeyId }
}

/** The name of a file is as good as gone until its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

async function openObject(store: Store, name: ObjectName): Promise<OpenObject> {
  const { book, folder } = store
  for (;;) {
    const object = book.find(name.bucket, name.key) ?? refuse(noObject())
    const handle = await openPresent(join(folder, object.file))
    if (handle !== undefined) return present(store, name, object, handle)
    // Replaced between the look into the book and the opening: then the book names another one.
    if (book.find(name.bucket, name.key)?.file === object.file) throw damaged('its file is missing')
  }
}

async function openPresent(path: string): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: a FIFO that somebody put there must not hold a thread for ever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (failure) {
    const code: unknown = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw damaged('a link stands in place of its file', failure)
    throw failure
  }
}

async function present(
  { keys }: Store,
  name: ObjectName,
  object: BookedObject,
  handle: FileHandle,
): Promise<OpenObject> {
  await using held = new AsyncDisposableStack()
  held.use(handle)
  if (!(await handle.stat()).isFile()) throw damaged('something else stands in place of its file')
  const head = Buffer.alloc(headerBytesMax)
  const { bytesRead } = await handle.read(head, 0, head.length, 0)
  const { header, length } = decodeHeader(head.subarray(0, bytesRead))
  // An older file of this object is authentic, and not the one that the book means.
  if (header.version !== object.version || header.dataKeyId !== object.dataKeyId)
    throw damaged('its file is of another version')
  const context = wrapContext(name, header.version, header.dataKeyId)
  const dataKey = await keys.unwrap(header.wrapped, context).catch((cause: unknown) => {
    throw cause instanceof KeyringError ? damaged('its key does not verify', cause) : cause
  })
  const sealing = { dataKey, context: dataContext(name, header.version, header.dataKeyId) }
  const kept = held.move()
  // Node ends the process when it finds an open file that nobody has any more, and a generator that was never begun closes nothing.
  const unread = setTimeout(() => void kept.disposeAsync(), unreadMsMax).unref()
  kept.defer(() => clearTimeout(unread))
  return {
    info: object,
    read: async function* (range) {
      clearTimeout(unread)
      if (kept.disposed) throw new Error('The object was held too long before it was read.')
      try {
        yield* readChunks(handle, length, object.bytes, sealing, range)
      } finally {
        await kept.disposeAsync()
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
