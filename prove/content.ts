import { createCipheriv } from 'node:crypto'

const pieceBytes = 256 * 1024
const key = Buffer.alloc(32, 'content of a proof')

/** Bytes that look random and are the same each time: the key stream of AES-CTR, from any multiple of 16 on. */
export async function* contentFrom(start: number, bytes: number): AsyncGenerator<Buffer> {
  if (start % 16 !== 0) throw new RangeError('The content starts at a multiple of 16.')
  const counter = Buffer.alloc(16)
  counter.writeBigUInt64BE(BigInt(start / 16), 8)
  const cipher = createCipheriv('aes-256-ctr', key, counter)
  const zeros = Buffer.alloc(pieceBytes)
  for (let left = bytes; left > 0; left -= pieceBytes)
    yield cipher.update(zeros.subarray(0, Math.min(left, pieceBytes)))
}
