import { join } from 'node:path'
import { openLines, readLines } from '../revoke/durable-lines.ts'
import { createLockoutBook, type LockoutBook, type LockoutBounds } from './lockout-book.ts'
import { readLockoutLine, type LockoutLine } from './lockout-line.ts'
import type { LockoutRules } from './lockout-rows.ts'
import { writeTogether } from './write-together.ts'

/** A book whose lines are kept on the disk. */
export interface KeptBook {
  readonly book: LockoutBook
  /** Resolves once the line is on the disk, or `failed` was told that it is not: then it holds until the next start. */
  readonly write: (line: LockoutLine) => Promise<void>
  /** Resolves when all is written and the file is closed. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface KeptBookOptions {
  readonly home: string
  readonly rules: () => LockoutRules
  readonly nowMs: () => number
  readonly failed: (failure: unknown) => void
}

/** Opens `lockout.jsonl` of a home. Throws an Error for a line that is none: locks are not forgotten because a file is damaged. */
export async function openKeptBook(options: KeptBookOptions, bounds: LockoutBounds): Promise<KeptBook> {
  const { rules, nowMs } = options
  const path = join(options.home, 'lockout.jsonl')
  const book = createLockoutBook(rules, bounds)
  for (const [at, line] of (await readLines(path)).entries())
    book.apply(readLockoutLine(line, `${path}:${at + 1}`), nowMs())
  const file = await openLines(path, () => book.lines(nowMs()))
  const append = writeTogether<LockoutLine>((together) => file.append(together))
  let last = Promise.resolve()
  return {
    book,
    write: (line) => (last = append(line).catch(options.failed)),
    [Symbol.asyncDispose]: async () => {
      await last
      await file[Symbol.asyncDispose]()
    },
  }
}
