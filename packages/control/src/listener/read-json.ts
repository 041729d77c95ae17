import type { IncomingMessage } from 'node:http'
import { parseStrictJson, PopError } from '@pop-api/protocol'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON body of at most `bytesMax`. Throws `media-type-unsupported`, `body-too-large`, `body-malformed`. Untrusted input.
 */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const type = request.headers['content-type']
  if (type !== 'application/json') throw new PopError('media-type-unsupported', 'Send application/json.')
  const chunks: Buffer[] = []
  let bytes = 0
  // The stream has no encoding, so its chunks are Buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new PopError('body-too-large', `At most ${bytesMax} bytes are accepted here.`)
    chunks.push(chunk)
  }
  return parseJsonBytes(Buffer.concat(chunks))
}

/** Strict JSON in strict UTF-8. Throws `body-malformed`. Untrusted input. */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  const parsed = parseStrictJson(decode(bytes))
  if (!parsed.ok) throw new PopError('body-malformed', parsed.detail)
  return parsed.value
}

function decode(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    throw new PopError('body-malformed', 'The body is not UTF-8.', { cause })
  }
}
