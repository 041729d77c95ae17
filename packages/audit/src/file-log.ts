import { writeSync } from 'node:fs'
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import type { AuditEvent, AuditLog, AuditQuery, AuditReceipt } from './event.ts'
import { fileName, fileNumber, logFiles } from './files.ts'
import { formatLine } from './line.ts'
import { readAudit } from './read.ts'

export interface FileLogOptions {
  /** A folder of its own; made with 0700 when it is not there. */
  readonly directory: string
  /** A file is closed and the next begun above this. Default 64 MiB. */
  readonly fileBytesMax?: number
  /** So many files are kept, the oldest are removed. Default: all of them, as an audit log must. */
  readonly filesMax?: number
}

const gatherMs = 1
/** What was written and not yet asked to be durable is so by then. */
const syncMs = 100
/** A write that took longer came from a disk that shall not hold up the whole process again for a while. */
const slowMs = 20
const slowRestMs = 10_000

interface Waiting {
  readonly line: string
  readonly durable: boolean
  readonly done: (receipt: AuditReceipt) => void
  readonly failed: (error: unknown) => void
}

/**
 * Opens the store of JSON lines in a folder. Lines that wait are written in one group with one fsync; what nobody asked to be durable
 * is so within 100 ms, and if that fails the next append does. A line that was torn by a
 * crash was never acknowledged and is cut off at the next start. After a failed write the file is cut back to its last
 * whole line, so that a full disk leaves no half event and later appends work again.
 */
export async function openFileLog(options: FileLogOptions): Promise<AuditLog> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  return new FileLog(options, await openLast(options.directory))
}

interface OpenFile {
  readonly name: string
  readonly handle: FileHandle
  bytes: number
}

class FileLog implements AuditLog {
  readonly #directory: string
  readonly #fileBytesMax: number
  readonly #filesMax: number
  #file: OpenFile
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #closed = false
  #writtenMs = 0
  #backgroundUntilMs = 0
  #sync: NodeJS.Timeout | undefined
  #syncFault: unknown

  constructor({ directory, fileBytesMax = 64 * 1024 * 1024, filesMax = Infinity }: FileLogOptions, file: OpenFile) {
    this.#directory = directory
    this.#fileBytesMax = fileBytesMax
    this.#filesMax = filesMax
    this.#file = file
  }

  append(event: AuditEvent, until: 'written' | 'durable'): Promise<AuditReceipt> {
    if (this.#closed) return Promise.reject(new Error('The audit log is closed.'))
    // The disk did not take what it was given before: who comes now must not be told that all is well.
    const fault = this.#syncFault
    this.#syncFault = undefined
    if (fault !== undefined) return Promise.reject(fault)
    return this.#append(formatLine(event), until === 'durable')
  }

  #append(line: string, durable: boolean): Promise<AuditReceipt> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line, durable, done, failed })
      this.#writing ??= this.#drain()
    })
  }

  read(query: AuditQuery): AsyncIterable<AuditEvent> {
    return readAudit(this.#directory, query)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#sync)
    await this.#writing
    await this.#file.handle.datasync()
    await this.#file.handle.close()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // A write costs more than the line: those that come within one turn of the loop go together, and under load those of a
      // millisecond. Who comes alone does not wait for others.
      await (performance.now() - this.#writtenMs < gatherMs ? pause(gatherMs) : turn())
      const group = this.#waiting
      this.#waiting = []
      try {
        const receipts = await this.#writeGroup(group)
        group.forEach((waiting, index) =>
          waiting.done(receipts[index] ?? { file: this.#file.name, end: this.#file.bytes }),
        )
      } catch (error) {
        for (const waiting of group) waiting.failed(error)
      }
    }
    this.#writing = undefined
  }

  async #writeGroup(group: readonly Waiting[]): Promise<AuditReceipt[]> {
    if (this.#file.bytes >= this.#fileBytesMax) await this.#rotate()
    const file = this.#file
    const start = file.bytes
    const text = Buffer.from(group.map((waiting) => waiting.line).join(''), 'utf8')
    const durable = group.some((waiting) => waiting.durable)
    try {
      // To hand a few lines to the system takes two microseconds here and thirty through the pool of threads.
      if (durable || performance.now() < this.#backgroundUntilMs) await writeBehind(file.handle, text, start)
      else this.#writeAtOnce(file.handle, text, start)
      if (durable) await file.handle.datasync()
    } catch (error) {
      await file.handle.truncate(start)
      throw error
    }
    file.bytes = start + text.length
    this.#writtenMs = performance.now()
    if (durable) clearTimeout(this.#sync)
    this.#sync = durable ? undefined : (this.#sync ?? this.#syncSoon())
    let end = start
    return group.map((waiting) => ({ file: file.name, end: (end += Buffer.byteLength(waiting.line)) }))
  }

  #writeAtOnce({ fd }: FileHandle, text: Buffer, position: number): void {
    const began = performance.now()
    for (let written = 0; written < text.length;)
      written += writeSync(fd, text, written, text.length - written, position + written)
    const ended = performance.now()
    if (ended - began > slowMs) this.#backgroundUntilMs = ended + slowRestMs
  }

  /** An empty line that wants to be durable takes all before it along. */
  #syncSoon(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#sync = undefined
      this.#append('', true).catch((fault: unknown) => {
        this.#syncFault = fault
      })
    }, syncMs).unref()
  }

  async #rotate(): Promise<void> {
    const next = await openFile(this.#directory, fileName(fileNumber(this.#file.name) + 1))
    await this.#file.handle.datasync()
    await this.#file.handle.close()
    this.#file = next
    if (this.#filesMax === Infinity) return
    const files = await logFiles(this.#directory)
    for (const name of files.slice(0, -this.#filesMax)) await unlink(join(this.#directory, name))
  }
}

async function writeBehind(handle: FileHandle, text: Buffer, position: number): Promise<void> {
  for (let written = 0; written < text.length;)
    written += (await handle.write(text, written, text.length - written, position + written)).bytesWritten
}

async function openLast(directory: string): Promise<OpenFile> {
  const last = (await logFiles(directory)).at(-1)
  return openFile(directory, last ?? fileName(1))
}

async function openFile(directory: string, name: string): Promise<OpenFile> {
  const path = join(directory, name)
  const made = await open(path, 'a', 0o600)
  await made.close()
  const handle = await open(path, 'r+')
  const { size } = await handle.stat()
  const bytes = await wholeLines(handle, size)
  if (bytes < size) await handle.truncate(bytes)
  return { name, handle, bytes }
}

/** The length of the file up to its last line end: what follows was torn by a crash. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024)
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - chunk.length)
    const { bytesRead } = await handle.read(chunk, 0, end - start, start)
    const last = chunk.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (last >= 0) return start + last + 1
    end = start
  }
  return 0
}
