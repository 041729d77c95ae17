import { join } from 'node:path'
import { openLogFile } from './log-file.ts'
import type { ProgramName } from './programs.ts'

/** Where the words of a process go: `<home>/logs/<process>.log`, and the last of them also into memory. */
export interface ProcessOutput {
  readonly write: (line: string) => void
  /** At most twelve, oldest first. */
  readonly lastLines: () => readonly string[]
  readonly [Symbol.dispose]: () => void
}

const linesMax = 12

/** The log of a process, or of the supervisor. */
export function logPath(home: string, name: string): string {
  return join(home, 'logs', `${name}.log`)
}

/** Opens the log of a process; it is one log for all its starts. */
export function openProcessOutput(home: string, name: ProgramName): ProcessOutput {
  const file = openLogFile(logPath(home, name))
  const last: string[] = []
  let isClosed = false
  return {
    write: (line) => {
      // Words that come after the end of the process and of the patience with its pipes.
      if (isClosed) return
      file.write(line)
      last.push(line)
      if (last.length > linesMax) last.shift()
    },
    lastLines: () => [...last],
    [Symbol.dispose]: () => {
      isClosed = true
      file[Symbol.dispose]()
    },
  }
}
