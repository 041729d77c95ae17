import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from './own-file.ts'

/** A log that is cut off at a size and kept in a few earlier pieces: `name.log`, `name.log.1` (the newest of them), … */
export interface LogFile {
  /** Adds one line; the newline is ours. Never throws: a full disk must not end the processes whose words are lost. */
  readonly write: (line: string) => void
  readonly [Symbol.dispose]: () => void
}

export interface LogOptions {
  readonly bytesMax?: number
  /** Earlier pieces that stay. */
  readonly kept?: number
  /** Told of the first line in a row that could not be written. */
  readonly onFault?: (error: unknown) => void
}

/** Opens a log to add to it, 0600 in a folder of 0700; what is in it stays. Throws what the system throws. */
export function openLogFile(path: string, options: LogOptions = {}): LogFile {
  const { bytesMax = 10 * 1024 * 1024, kept = 5, onFault = (error) => tellFault(path, error) } = options
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  let descriptor: number | undefined = openSync(path, 'a', 0o600)
  let bytes = fstatSync(descriptor).size
  let isFailing = false
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
  }
  const add = (content: Uint8Array): void => {
    if (bytes > 0 && bytes + content.length > bytesMax) {
      close()
      shift(path, kept)
      bytes = 0
    }
    descriptor ??= openSync(path, 'a', 0o600)
    for (let written = 0; written < content.length;) written += writeSync(descriptor, content, written)
    bytes += content.length
  }
  return {
    write: (line) => {
      try {
        add(Buffer.from(`${line}\n`))
        isFailing = false
      } catch (error) {
        if (!isFailing) onFault(error)
        isFailing = true
      }
    },
    [Symbol.dispose]: close,
  }
}

/** Makes room at `path`: every piece gets the next number, the oldest goes. */
function shift(path: string, kept: number): void {
  rmSync(`${path}.${kept}`, { force: true })
  for (let number = kept - 1; number >= 1; number--) moveIfThere(`${path}.${number}`, `${path}.${number + 1}`)
  moveIfThere(path, `${path}.1`)
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

function tellFault(path: string, error: unknown): void {
  process.stderr.write(`pop: the log ${path} cannot be written (${errorCode(error)}); lines are lost until it can\n`)
}
