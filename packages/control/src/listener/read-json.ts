import type { IncomingMessage } from 'node:http'
import { finished } from 'node:stream/promises'
import { collectBody, parseStrictJson, PopError } from '@pop-api/protocol'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON body of at most `bytesMax`. Throws `media-type-unsupported`, and what `readJsonBody` throws. Untrusted input.
 */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const type = request.headers['content-type']
  if (type !== 'application/json') throw new PopError('media-type-unsupported', 'Send application/json.')
  return await readJsonBody(request, bytesMax)
}

/**
 * The same whatever the type of the body says. Throws `body-too-large`, `body-malformed` for what is not strict JSON in strict
 * UTF-8, `malformed-request` when the sender leaves before the end. Untrusted input.
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const collector = collectBody(bytesMax)
  let fits = true
  // What no longer fits is read and thrown away: a sender that is cut off while it sends never learns why. The time that a
  // request may take ends it. A listener of `data` is given each piece at once, so that none of them waits in the stream.
  request.on('data', (piece: Buffer) => {
    fits &&= collector.add(piece)
  })
  try {
    await finished(request, { writable: false })
  } catch (cause) {
    throw new PopError('malformed-request', 'The sender left before the end of its body.', { cause })
  }
  if (!fits) throw new PopError('body-too-large', `At most ${bytesMax} bytes are accepted here.`)
  const parsed = parseStrictJson(decode(collector.body()))
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
