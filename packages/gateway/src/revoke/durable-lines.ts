import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import { parseStrictJson } from '@pop-api/protocol'

/** A file of JSON objects, one a line, that is only added to. */
export interface DurableLines {
  /** Resolves once all of them are on the disk; none of them is where it rejects. In the order of the calls. */
  readonly append: (lines: readonly object[]) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Lines are written anew, without those that count no more, once so many were added. */
const addedMax = 50_000

/** Reads the whole lines of a file, none where there is no file. A line torn by a crash was never acknowledged. */
export async function readLines(path: string): Promise<readonly unknown[]> {
  const text = await readText(path)
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = parseStrictJson(line)
      return parsed.ok ? parsed.value : undefined
    })
}

/** Opens the file at `path` (0600) anew with the lines that `present` gives; it is asked again whenever the file has grown too long. */
export async function openLines(path: string, present: () => Iterable<object>): Promise<DurableLines> {
  let file = await rewrite(path, present())
  let added = 0
  let writing = Promise.resolve()
  const write = async (lines: readonly object[]): Promise<void> => {
    await appendAll(file, lines)
    added += lines.length
    if (added < addedMax) return
    const before = file
    file = await rewrite(path, present())
    added = 0
    await before.close()
  }
  return {
    append: (lines) => {
      const written = writing.then(() => write(lines))
      // A failed write is the business of whoever asked for it; the next one begins all the same.
      writing = written.catch(() => undefined)
      return written
    },
    [Symbol.asyncDispose]: async () => {
      await writing
      await file.close()
    },
  }
}

/** All or nothing: half a line left by a full disk would spoil the next one. */
async function appendAll(file: FileHandle, lines: readonly object[]): Promise<void> {
  const { size } = await file.stat()
  try {
    await file.appendFile(textOf(lines))
    await file.datasync()
  } catch (error) {
    await file.truncate(size)
    throw error
  }
}

async function rewrite(path: string, lines: Iterable<object>): Promise<FileHandle> {
  const next = await open(`${path}.next`, 'w', 0o600)
  try {
    await next.writeFile(textOf([...lines]))
    await next.datasync()
  } finally {
    await next.close()
  }
  await rename(`${path}.next`, path)
  return open(path, 'a', 0o600)
}

function textOf(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
