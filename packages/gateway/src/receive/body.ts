import type { IncomingMessage } from 'node:http'
import { collectBody, PopError } from '@pop-api/protocol'
import type { Framing } from './received.ts'

/**
 * Reads a whole body. Refuses with `body-too-large` before a byte is read where the length says so, else at the byte that is too
 * many; with `malformed-request` when the client breaks off, with `ambiguous-framing` when trailers follow.
 */
export async function readBody(request: IncomingMessage, framing: Framing, bytesMax: number): Promise<Buffer> {
  if (framing.kind === 'none') return Buffer.alloc(0)
  if (framing.kind === 'length' && framing.bytes > bytesMax) throw tooLarge(bytesMax)
  const collector = collectBody(bytesMax)
  try {
    // The stream has no encoding, so its chunks are Buffers. It must outlive a refusal: with it Node destroys the connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (!collector.add(chunk)) throw tooLarge(bytesMax)
    }
  } catch (cause) {
    if (cause instanceof PopError) throw cause
    throw new PopError('malformed-request', 'The body ended before its length.', { cause })
  }
  if (request.rawTrailers.length > 0) throw new PopError('ambiguous-framing', 'Trailers are not accepted.')
  return collector.body()
}

function tooLarge(bytesMax: number): PopError {
  return new PopError('body-too-large', `The body may have at most ${bytesMax} bytes.`)
}
