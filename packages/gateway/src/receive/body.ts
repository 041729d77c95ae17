import type { IncomingMessage } from 'node:http'
import { collectStream, PopError } from '@pop-api/protocol'
import type { Framing } from './received.ts'

/** The body of a request, which is on its way. Only one of its readings is asked for, once. */
export interface RequestBody {
  /**
   * All of it. Refuses with `body-too-large` before a byte is read where the length says so, else at the byte that is too many; with
   * `malformed-request` when the client breaks off, with `ambiguous-framing` when trailers follow, with `request-timeout`.
   */
  readonly collect: (bytesMax: number) => Buffer | Promise<Buffer>
  /** Piece by piece; nothing to follow where there is no body. */
  readonly follow: () => FollowedBody | undefined
}

/** A body that is read at the pace at which it is sent on. */
export interface FollowedBody {
  /** Undefined where the client does not say. */
  readonly lengthBytes: number | undefined
  /** Throws a PopError as `collect` does. Bytes that were given are the client's own, and unverified. */
  readonly pieces: AsyncIterable<Buffer>
}

/** How long a whole body may take that is read before anything is done. */
const collectMsMax = 60_000
/** How long a client may be silent within a body that is sent on as it comes. */
const silenceMsMax = 30_000

const noBytes = Buffer.alloc(0)

/** The body of a request. `begin` is called before the first byte is read: a client may be waiting for its 100. */
export function openBody(request: IncomingMessage, framing: Framing, begin: () => void): RequestBody {
  return {
    collect: (bytesMax) => {
      if (framing.kind === 'none') return noBytes
      if (framing.kind === 'length' && framing.bytes > bytesMax) throw tooLarge(bytesMax)
      begin()
      return collect(request, bytesMax)
    },
    follow: () => {
      if (framing.kind === 'none') return undefined
      const lengthBytes = framing.kind === 'length' ? framing.bytes : undefined
      return { lengthBytes, pieces: follow(request, begin) }
    },
  }
}

async function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  // What still arrives after that ends with the connection.
  const timer = setTimeout(() => reject(timeout()), collectMsMax)
  try {
    const body = await Promise.race([collectStream(request, bytesMax), late])
    if (body === undefined) throw tooLarge(bytesMax)
    refuseTrailers(request)
    return body
  } catch (cause) {
    throw cause instanceof PopError ? cause : brokenOff(cause)
  } finally {
    clearTimeout(timer)
  }
}

async function* follow(request: IncomingMessage, begin: () => void): AsyncGenerator<Buffer> {
  begin()
  const { socket } = request
  // An upload that nobody feeds is not worth an answer.
  const silent = (): void => void request.destroy(timeout())
  socket.setTimeout(silenceMsMax, silent)
  try {
    yield* piecesOf(request)
  } finally {
    socket.setTimeout(0, silent)
    socket.off('timeout', silent)
  }
}

async function* piecesOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // The stream has no encoding, so its chunks are Buffers. It must outlive a refusal: with it Node destroys the connection.
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (cause) {
    throw cause instanceof PopError ? cause : brokenOff(cause)
  }
  refuseTrailers(request)
}

function refuseTrailers({ rawTrailers }: IncomingMessage): void {
  if (rawTrailers.length > 0) throw new PopError('ambiguous-framing', 'Trailers are not accepted.')
}

function brokenOff(cause: unknown): PopError {
  return new PopError('malformed-request', 'The body ended before its length.', { cause })
}

function timeout(): PopError {
  return new PopError('request-timeout', 'The body did not arrive in time.')
}

function tooLarge(bytesMax: number): PopError {
  return new PopError('body-too-large', `The body may have at most ${bytesMax} bytes.`)
}
