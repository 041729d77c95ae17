import type { IncomingMessage } from 'node:http'
import { PopError } from '@pop-api/protocol'

/** The digest limit of the wire, and room for a gateway that writes the same JSON a little longer. */
const bodyBytesMax = 256 * 1024 + 4096

/**
 * Reads a whole body. Throws `body-too-large` above the limit, leaving the rest unread so that the refusal can still be sent,
 * and `malformed-request` when the sender breaks off.
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bodyBytesMax) {
        chunks.push(chunk)
        return
      }
      request.pause()
      reject(tooLarge())
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', (cause) => reject(brokenOff(cause)))
    request.on('close', () => reject(brokenOff(undefined)))
  })
}

function tooLarge(): PopError {
  return new PopError('body-too-large', `A module takes bodies of at most ${bodyBytesMax} bytes.`)
}

function brokenOff(cause: unknown): PopError {
  return new PopError('malformed-request', 'The body broke off.', { cause })
}
