import type { IncomingMessage } from 'node:http'
import { collectStream, PopError } from '@pop-api/protocol'

/** The digest limit of the wire, and room for a gateway that writes the same JSON a little longer. */
const bodyBytesMax = 256 * 1024 + 4096

/** How long a sender may be silent within a body. */
const silenceMsMax = 60_000

/** Destroys a request whose body stops arriving, until it is disposed. */
export function endWhenSilent(request: IncomingMessage): Disposable {
  const { socket } = request
  const end = (): void => void request.destroy(new Error('The body stopped arriving.'))
  socket.setTimeout(silenceMsMax, end)
  return { [Symbol.dispose]: () => void socket.setTimeout(0, end) }
}

/**
 * Reads a whole body. Throws `body-too-large` above the limit, with the connection left open so that the refusal can still be
 * sent, and `malformed-request` when the sender breaks off.
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) throw tooLarge()
  using _silence = endWhenSilent(request)
  const body = await collectStream(request, bodyBytesMax).catch((cause: unknown) => {
    throw new PopError('malformed-request', 'The body broke off.', { cause })
  })
  if (body === undefined) throw tooLarge()
  return body
}

function tooLarge(): PopError {
  return new PopError('body-too-large', `A module takes bodies of at most ${bodyBytesMax} bytes.`)
}
