import { createDecipheriv } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ByteRange } from './object-driver.ts'
import { chunkBytes, chunkContext, chunkNonce, damaged, sealedBytes, tagBytes } from './object-file.ts'
import type { Sealing } from './write-object.ts'

/**
 * Decrypts a part of an object whose chunks begin at `position`: only the chunks that it lies in are read, and each is
 * authenticated before a byte of it is given. `bytes` is the size of the whole object by the book. Throws `object-damaged`.
 */
export async function* readChunks(
  file: FileHandle,
  position: number,
  bytes: number,
  sealing: Sealing,
  { from, to }: ByteRange,
): AsyncGenerator<Uint8Array> {
  const { size } = await file.stat()
  // Cut or prolonged: the book knows how long it is.
  if (size !== position + sealedBytes(bytes)) throw damaged('its file has another length')
  const lastIndex = Math.max(0, Math.ceil(bytes / chunkBytes) - 1)
  const first = Math.floor(from / chunkBytes)
  // An empty object has a chunk too, which has to verify.
  const end = to > from ? Math.floor((to - 1) / chunkBytes) : first
  for (let index = first; index <= end; index++) {
    const start = index * chunkBytes
    const length = Math.min(chunkBytes, bytes - start)
    const sealed = await readAll(file, length + tagBytes, position + index * (chunkBytes + tagBytes))
    const plain = open(sealed, sealing, index, index === lastIndex)
    const part = plain.subarray(Math.max(0, from - start), Math.max(0, to - start))
    if (part.length > 0) yield part
  }
}

function open(sealed: Buffer, { dataKey, context }: Sealing, index: number, last: boolean): Buffer {
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', dataKey, chunkNonce(index), { authTagLength: tagBytes })
  decipher.setAAD(chunkContext(context, index, last)).setAuthTag(sealed.subarray(end))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  } catch (cause) {
    throw damaged(`chunk ${index} was changed`, cause)
  }
}

/** Reads exactly so many bytes. Throws `object-damaged` where the file ends before. */
async function readAll(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read)
    if (bytesRead === 0) throw damaged('its file is cut')
    read += bytesRead
  }
  return bytes
}
