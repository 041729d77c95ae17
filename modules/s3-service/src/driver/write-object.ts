import { createCipheriv, createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { chunkBytes, chunkContext, chunkNonce } from './object-file.ts'

export interface Sealing {
  readonly dataKey: Buffer
  /** `dataContext` of the object. */
  readonly context: Buffer
}

export interface Written {
  readonly bytes: number
  /** Of the plaintext, in base64url. */
  readonly sha256: string
}

/**
 * Encrypts what arrives into a file, from `position` on, a chunk at a time: no more than one chunk lies in memory. `arriving` is
 * told of each piece before it is written, and may throw to end it.
 */
export async function writeChunks(
  file: FileHandle,
  position: number,
  { dataKey, context }: Sealing,
  pieces: AsyncIterable<Uint8Array>,
  arriving: (bytes: number) => void,
): Promise<Written> {
  const hash = createHash('sha256')
  const block = Buffer.alloc(chunkBytes)
  let filled = 0
  let bytes = 0
  let index = 0
  let end = position
  const seal = async (last: boolean): Promise<void> => {
    const cipher = createCipheriv('aes-256-gcm', dataKey, chunkNonce(index))
    cipher.setAAD(chunkContext(context, index, last))
    const sealed = Buffer.concat([cipher.update(block.subarray(0, filled)), cipher.final(), cipher.getAuthTag()])
    await writeAll(file, sealed, end)
    end += sealed.length
    index++
    filled = 0
  }
  for await (const piece of pieces) {
    arriving(piece.length)
    hash.update(piece)
    bytes += piece.length
    for (let taken = 0; taken < piece.length;) {
      // A full chunk waits until there is more: only then it is not the last one.
      if (filled === chunkBytes) await seal(false)
      const part = piece.subarray(taken, taken + chunkBytes - filled)
      block.set(part, filled)
      filled += part.length
      taken += part.length
    }
  }
  await seal(true)
  return { bytes, sha256: hash.digest('base64url') }
}

/** A disk that is almost full takes a part without an error. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;)
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten
}
