/** Puts a body together that arrives in pieces. */
export interface BodyCollector {
  /** Takes the next piece; false when the body would be larger than allowed: nothing of the piece is kept then. */
  readonly add: (piece: Uint8Array) => boolean
  /** What has arrived, in memory of its own. */
  readonly body: () => Buffer
}

const firstBytes = 1024

/**
 * Collects at most `bytesMax` bytes in one buffer that grows. The pieces themselves are not kept: a sender that sends single bytes
 * would otherwise cost some two hundred bytes of memory for each of them, and a limit on bytes would limit nothing.
 */
export function collectBody(bytesMax: number): BodyCollector {
  let buffer = Buffer.alloc(0)
  let length = 0
  return {
    add: (piece) => {
      const end = length + piece.length
      if (end > bytesMax) return false
      if (end > buffer.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(bytesMax, Math.max(end, buffer.length * 2, firstBytes)))
        buffer.copy(grown, 0, 0, length)
        buffer = grown
      }
      buffer.set(piece, length)
      length = end
      return true
    },
    body: () => buffer.subarray(0, length),
  }
}
