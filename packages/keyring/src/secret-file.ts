import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { link, open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KeyringError } from './keyring-error.ts'
import { ensureSecretFolder, refuseExposed } from './secret-folder.ts'

const bytesMaxUnlessTold = 64 * 1024 * 1024

/**
 * Writes a file that its owner alone can read (0600), whole or not at all: temporary file, fsync, rename, fsync of the folder.
 * The folder is made when it is missing (0700) and refused (`secret-exposed`) when others can enter it.
 */
export async function writeSecretFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = await writeTemporary(path, content)
  await discardUnless(temporary, () => rename(temporary, path))
  await syncFolder(dirname(path))
}

/** The same, but an existing file stays as it is: false says that there was one. Two writers at once never mix. */
export async function createSecretFile(path: string, content: string | Uint8Array): Promise<boolean> {
  const temporary = await writeTemporary(path, content)
  const created = await discardUnless(temporary, () => linkUnlessThere(temporary, path))
  await unlink(temporary)
  await syncFolder(dirname(path))
  return created
}

/**
 * Reads a secret; undefined when there is none. Throws `secret-exposed` for a file that group or others can read, that belongs
 * to somebody else, that is a link or lies in a folder others can enter, and `secret-unreadable` for the rest.
 */
export async function readSecretFile(path: string, bytesMax: number = bytesMaxUnlessTold): Promise<Buffer | undefined> {
  const file = await openSecret(path)
  if (file === undefined) return undefined
  try {
    const found = await file.stat()
    refuseUnfit(path, found, bytesMax)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function refuseUnfit(path: string, found: Stats, bytesMax: number): void {
  if (!found.isFile()) throw new KeyringError('secret-unreadable', `${path} is not a file.`)
  refuseExposed(path, found, '600')
  if (found.size > bytesMax) {
    throw new KeyringError('secret-unreadable', `${path} has ${found.size} bytes; ${bytesMax} are accepted.`)
  }
}

async function openSecret(path: string): Promise<FileHandle | undefined> {
  try {
    // O_NOFOLLOW: a link could lead to a file that somebody else may change. O_NONBLOCK: a FIFO must not hang the start.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    if (codeOf(cause) === 'ELOOP') throw new KeyringError('secret-exposed', `${path} is a link.`, { cause })
    throw new KeyringError('secret-unreadable', `${path} cannot be read (${codeOf(cause)}).`, { cause })
  }
}

async function writeTemporary(path: string, content: string | Uint8Array): Promise<string> {
  const folder = dirname(path)
  await ensureSecretFolder(folder)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(8).toString('hex')}`)
  const file = await open(temporary, 'wx', 0o600)
  await discardUnless(temporary, async () => {
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
  })
  return temporary
}

async function linkUnlessThere(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Runs `action`; if it throws, no half-written secret stays behind. */
async function discardUnless<T>(temporary: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    await unlink(temporary)
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
