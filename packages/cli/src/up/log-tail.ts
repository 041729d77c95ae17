import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { errorCode } from './own-file.ts'

/** The last lines of a log, then those that are added to it. */
export interface LogTail {
  /** All whole lines that have come since the last call, also across a rotation. */
  readonly next: () => Promise<readonly string[]>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** The last `count` lines of a log, reaching back into its newest earlier piece; none where there is no log. */
export async function lastLines(path: string, count: number): Promise<readonly string[]> {
  const present = linesOf(await readUnlessAbsent(path))
  const earlier = present.length < count ? linesOf(await readUnlessAbsent(`${path}.1`)) : []
  return count === 0 ? [] : [...earlier, ...present].slice(-count)
}

/** Follows a log from its present end. It may be absent yet, and may be moved away by a rotation meanwhile. */
export async function followLog(path: string): Promise<LogTail> {
  let file = await openUnlessAbsent(path)
  let offset = file === undefined ? 0 : (await file.stat()).size
  let held = ''
  const decoder = new TextDecoder()
  const drain = async (): Promise<void> => {
    if (file === undefined) return
    const chunk = Buffer.alloc(64 * 1024)
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset)
      if (bytesRead === 0) return
      offset += bytesRead
      held += decoder.decode(chunk.subarray(0, bytesRead), { stream: true })
    }
  }
  const wasMoved = async (): Promise<boolean> => {
    if (file === undefined) return true
    const [ours, present] = await Promise.all([file.stat(), statUnlessAbsent(path)])
    return present !== undefined && present.ino !== ours.ino
  }
  return {
    next: async () => {
      await drain()
      if (await wasMoved()) {
        // What was written between the last read and the move is read before the old piece is let go.
        await drain()
        await file?.close()
        file = await openUnlessAbsent(path)
        offset = 0
        await drain()
      }
      const lines = held.split('\n')
      held = lines.pop() ?? ''
      return lines
    },
    [Symbol.asyncDispose]: async () => await file?.close(),
  }
}

function linesOf(content: string | undefined): string[] {
  return content === undefined ? [] : content.split('\n').filter((line) => line !== '')
}

async function readUnlessAbsent(path: string): Promise<string | undefined> {
  return await unlessAbsent(readFile(path, 'utf8'))
}

async function openUnlessAbsent(path: string): Promise<FileHandle | undefined> {
  return await unlessAbsent(open(path, 'r'))
}

async function statUnlessAbsent(path: string) {
  return await unlessAbsent(stat(path))
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
