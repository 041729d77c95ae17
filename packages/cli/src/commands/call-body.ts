import { open, readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { readStdin } from '../client/read-stdin.ts'
import { usageFailure, type CommandFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { errorCode } from '../up/own-file.ts'

/** The body of a request, and the fields that go with it unless others are given. */
export interface CallBody {
  readonly content: Buffer | Readable
  readonly headers: Readonly<Record<string, string>>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const bytesType = 'application/octet-stream'
const dataBytesMax = 64 * 1024 * 1024

/**
 * Opens what `--data` or `--file` name; undefined without either. The text of `--data` is sent as it is, also when it is no JSON.
 * Throws a CommandFailure (usage) for both at once and for what cannot be read.
 */
export async function openBody(
  data: string | undefined,
  file: string | undefined,
  around: Surroundings,
): Promise<CallBody | undefined> {
  if (data !== undefined && file !== undefined) throw usageFailure('give --data or --file, not both')
  if (data !== undefined) return whole(await readData(data, around))
  if (file === undefined) return undefined
  return file === '-' ? streamed(around.stdin, undefined) : await openFile(file)
}

async function readData(data: string, around: Surroundings): Promise<Buffer> {
  if (data === '-') return await readStdin(around, dataBytesMax)
  if (!data.startsWith('@')) return Buffer.from(data, 'utf8')
  const path = data.slice(1)
  try {
    return await readFile(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function openFile(path: string): Promise<CallBody> {
  const handle = await open(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  const found = await handle.stat()
  // A pipe or a device does not know its length.
  if (!found.isFile() && !found.isDirectory()) return streamed(handle.createReadStream(), undefined)
  // What is written behind the present end meanwhile is not sent: it would not fit the length that was announced.
  if (found.isFile() && found.size > 0) return streamed(handle.createReadStream({ end: found.size - 1 }), found.size)
  await handle.close()
  if (found.isDirectory()) throw usageFailure(`${path} is a folder: give a file with --file`)
  return { ...whole(Buffer.alloc(0)), headers: { 'content-type': bytesType, 'content-length': '0' } }
}

function whole(content: Buffer): CallBody {
  const headers = { 'content-type': 'application/json', 'content-length': String(content.length) }
  return { content, headers, [Symbol.asyncDispose]: () => Promise.resolve() }
}

function streamed(content: Readable, bytes: number | undefined): CallBody {
  const length = bytes === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes) }
  return {
    content,
    headers: { 'content-type': bytesType, ...length },
    [Symbol.asyncDispose]: async () => void content.destroy(),
  }
}

function unreadable(path: string, error: unknown): CommandFailure {
  const why =
    errorCode(error) === 'ENOENT' ? 'is not there: give an existing file' : `cannot be read (${errorCode(error)})`
  return usageFailure(`${path} ${why}`, error)
}
