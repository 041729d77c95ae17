import type { Stats } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { usageFailure, type CommandFailure } from '../command-failure.ts'
import { errorCode } from './own-file.ts'

/** A home that is ours alone until it is disposed. */
export interface LockedHome {
  /** Absolute, links resolved. */
  readonly path: string
  readonly [Symbol.dispose]: () => void
}

const homeName = '.pop'
const lockName = 'lock.db'
/** What a person may have put into a home before the first start. */
const placedBefore = ['pop.yaml', 'dev-users.json']
/** A look at the lock holds it for an instant; a start waits that long. */
const lockWaitMs = 500

/** The folder that a start takes: `--home`, else `POP_HOME`, else `.pop`; absolute. */
export function homePath(option: string | undefined, environment: Readonly<NodeJS.ProcessEnv> = process.env): string {
  // An empty variable is what a script leaves behind that has none to give.
  return resolve(option ?? (environment['POP_HOME'] || homeName))
}

/**
 * The folder of the run that a command is about: like `homePath`, but where there is no `.pop` here, the nearest one in the folders
 * above that is of this user alone. Somebody else's could lead a password to a gateway of theirs. `here` is the present folder.
 */
export async function findHome(
  option: string | undefined,
  environment: Readonly<NodeJS.ProcessEnv>,
  here: string = process.cwd(),
): Promise<string> {
  const own = resolve(here, homePath(option, environment))
  if (option !== undefined || environment['POP_HOME']) return own
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(folder, homeName)
    const found = await lookAt(candidate)
    if (found !== undefined && (folder === here || isOursAlone(found))) return candidate
    if (dirname(folder) === folder) return join(here, homeName)
  }
}

/**
 * Makes the home if it is absent (0700) and locks it for this process; the lock ends with the process, however it ends. Throws a
 * CommandFailure (usage) for what is no folder of ours: a file, a folder that others can enter, that belongs to somebody else or
 * holds other things; and for a home in use.
 */
export async function lockHome(path: string): Promise<LockedHome> {
  await makeHome(path)
  const real = await realpath(path)
  await refuseExposed(real)
  await refuseForeign(real)
  // Made with its mode before SQLite opens it: what SQLite puts beside it has the mode of the file.
  await (await open(join(real, lockName), 'a', 0o600)).close()
  const database = openLock(real)
  await chmod(join(real, lockName), 0o600)
  return { path: real, [Symbol.dispose]: () => database.close() }
}

/** Makes the home ours where it is not yet, for what must lie in it before the first start. Throws as `lockHome` does. */
export async function claimHome(path: string): Promise<void> {
  if (await hasLockFile(path)) return
  using _held = await lockHome(path)
}

/** True while a supervisor holds the home. */
export async function isLocked(path: string): Promise<boolean> {
  if (!(await hasLockFile(path))) return false
  const database = new DatabaseSync(join(path, lockName), { readOnly: true, timeout: 0 })
  try {
    // A read needs no more than the lock that every other reader can hold too.
    database.prepare('select count(*) from sqlite_schema').get()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    database.close()
  }
}

/** True for a folder that once was locked as a home. */
export async function hasLockFile(path: string): Promise<boolean> {
  try {
    return (await lstat(join(path, lockName))).isFile()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false
    throw usageFailure(`the home ${path} cannot be read (${errorCode(error)})`, error)
  }
}

async function makeHome(path: string): Promise<void> {
  try {
    await makeFolders(path)
  } catch (error) {
    const what = errorCode(error) === 'EEXIST' ? 'it is not a folder' : `it cannot be made (${errorCode(error)})`
    throw unusable(path, `${what}. Give another folder with --home or POP_HOME`, error)
  }
}

/** With the folders above it. The recursive `mkdir` of Node never ends where the system makes none, as in /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolders(dirname(path))
    await makeFolder(path)
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error))) return undefined
    throw usageFailure(`${path} cannot be looked at (${errorCode(error)})`, error)
  }
}

function isOursAlone(found: Stats): boolean {
  const own = process.getuid?.()
  return found.isDirectory() && (own === undefined || found.uid === own) && (found.mode & 0o077) === 0
}

async function refuseExposed(path: string): Promise<void> {
  const found = await stat(path)
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid) {
    throw unusable(path, `it belongs to user ${found.uid}, and this is user ${uid}. Give a folder of yours with --home`)
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    throw unusable(path, `it has mode ${mode}, so others can enter it. Run: chmod 700 ${path}`)
  }
}

/** Our state in a folder of somebody's documents would end with `pop reset` there. */
async function refuseForeign(path: string): Promise<void> {
  if (await hasLockFile(path)) return
  const foreign = (await readdir(path)).filter((name) => !placedBefore.includes(name))
  if (foreign.length === 0) return
  const [first = ''] = foreign.sort()
  throw unusable(path, `it holds other things (${first}). Give a new or empty folder with --home or POP_HOME`)
}

function openLock(home: string): DatabaseSync {
  const database = new DatabaseSync(join(home, lockName), { timeout: lockWaitMs })
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive')
    return database
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw unusable(home, `its ${lockName} is not usable`, error)
    const next = 'See `pop status`, stop it with `pop down`, or give another folder with --home'
    throw usageFailure(`POP API runs already on the home ${home}. ${next}`, error)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5 // SQLITE_BUSY
}

function unusable(path: string, why: string, cause?: unknown): CommandFailure {
  return usageFailure(`the home ${path} cannot be used: ${why}`, cause)
}
