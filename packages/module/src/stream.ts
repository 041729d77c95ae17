import type { IncomingMessage } from 'node:http'
import { es256Seal, PopError, sealLimits, type Ending, type HeadStream, type RequestHead } from '@pop-api/protocol'
import { endWhenSilent, readBody } from './read-body.ts'

/** The body of a request whose operation is marked `x-pop-stream: upload`, as it arrives. */
export interface RequestStream {
  /** Length that was sealed in the head; undefined where the client gave none. */
  readonly lengthBytes: number | undefined
  /**
   * The bytes, once. They are unverified until `verified` says otherwise; reading them is the back-pressure. Throws when the sender
   * breaks the connection or sends more than its head says.
   */
  readonly bytes: AsyncIterable<Uint8Array>
  /**
   * Settles after the last byte: `complete`, or `partial` where the client broke off. Rejects with a PopError when the end does not
   * verify or the bytes were not read to it. A handler MUST NOT commit anything before it is `complete`.
   */
  readonly verified: Promise<Ending>
}

/** The seal of an upload did not hold. Only this file throws it: an author's handler cannot say that the hop is broken. */
export class UploadUnverified extends PopError {}

/**
 * The stream of a proven upload. A body that came with a digest is read first and given as a stream all the same, so that a
 * handler has one way to read. Throws a PopError for a body that is refused.
 */
export async function openUpload(
  request: IncomingMessage,
  head: RequestHead,
  nowMs: () => number,
): Promise<RequestStream> {
  if (head.stream !== undefined) return follow(request, head.stream, nowMs)
  const body = await readBody(request)
  const verified = es256Seal.verifyRequestBody(head, body, request.rawTrailers)
  if (!verified.ok) throw new UploadUnverified(verified.code, verified.detail)
  return { lengthBytes: body.length, bytes: once(body), verified: Promise.resolve('complete') }
}

async function* once(body: Buffer): AsyncGenerator<Uint8Array> {
  if (body.length > 0) yield body
}

function follow(request: IncomingMessage, stream: HeadStream, nowMs: () => number): RequestStream {
  const { promise: verified, resolve, reject } = Promise.withResolvers<Ending>()
  // A handler that refuses before it reads never looks at it.
  verified.catch(() => undefined)
  return { lengthBytes: stream.lengthBytes, bytes: pieces(), verified }

  async function* pieces(): AsyncGenerator<Uint8Array> {
    const verifier = es256Seal.verifyBody(stream, sealLimits)
    using _silence = endWhenSilent(request)
    try {
      // The stream has no encoding, so its chunks are Buffers. It must outlive a refusal: with it Node destroys the connection.
      for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        const refusal = verifier.add(piece)
        if (refusal !== undefined) throw new UploadUnverified(refusal.code, refusal.detail)
        yield piece
      }
      const end = verifier.end(request.rawTrailers, nowMs())
      if (end.ok) resolve(end.value)
      else throw new UploadUnverified(end.code, end.detail)
    } catch (cause) {
      const failure =
        cause instanceof PopError ? cause : new PopError('malformed-request', 'The body broke off.', { cause })
      reject(failure)
      throw failure
    } finally {
      // Without effect once it is settled: this is for a handler that stopped reading.
      reject(new PopError('internal', 'The body was not read to its end.'))
    }
  }
}
