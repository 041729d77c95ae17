/**
 * What a ciphertext belongs to, as additional data: every part with its length in front, so that no two lists of parts have the
 * same bytes. Throws a RangeError for a part above 64 KiB.
 */
export function encodeContext(parts: readonly (string | Uint8Array)[]): Buffer {
  const pieces: Buffer[] = []
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    if (bytes.length > partBytesMax) throw new RangeError(`A part of a context has at most ${partBytesMax} bytes.`)
    length.writeUInt32BE(bytes.length)
    pieces.push(length, bytes)
  }
  return Buffer.concat(pieces)
}

const partBytesMax = 64 * 1024
