import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { usageFailure, type CommandFailure } from '../command-failure.ts'

const bytesMaxUnlessTold = 1024 * 1024

/** Writes a file whole or not at all: a temporary one beside it, fsync, rename. `mode` is 0600 unless told. */
export async function writeOwnFile(path: string, content: string, mode: number = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Reads a text file that only its owner may use; undefined when there is none. Throws a CommandFailure (usage) for a link, for one
 * that others can read or that is somebody else's, and for one above `bytesMax`, 1 MiB unless told.
 */
export async function readOwnFile(path: string, bytesMax: number = bytesMaxUnlessTold): Promise<string | undefined> {
  const file = await openUnlessAbsent(path)
  if (file === undefined) return undefined
  try {
    const found = await file.stat()
    if (!found.isFile()) throw unfit(path, 'is not a file')
    if ((found.mode & 0o077) !== 0) throw unfit(path, `can be used by others. Run: chmod 600 ${path}`)
    if (process.getuid !== undefined && found.uid !== process.getuid()) throw unfit(path, 'belongs to another user')
    if (found.size > bytesMax) throw unfit(path, `has ${found.size} bytes; ${bytesMax} are accepted`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function openUnlessAbsent(path: string) {
  try {
    // O_NOFOLLOW: a link could lead to what somebody else may change. O_NONBLOCK: a FIFO must not hang the command.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw unfit(path, `cannot be read (${errorCode(error)})`, error)
  }
}

/** The code of a system error, such as `ENOENT`; `unknown` where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

function unfit(path: string, what: string, cause?: unknown): CommandFailure {
  return usageFailure(`${path} ${what}`, cause)
}
