import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { es256Seal, fieldPairs, PopError, type BodySealer, type RequestBinding } from '@pop-api/protocol'
import type { ModuleContext } from './context.ts'
import { isStreamed, refusalOf, type Outcome, type StreamedOutcome } from './outcome.ts'

/** Where an answer goes, and what it is bound to. */
export interface Sending {
  readonly response: ServerResponse
  readonly binding: RequestBinding
  readonly context: ModuleContext
  /** Why the connection is gone, where it is. */
  readonly goneBy: () => PopError
}

/** How long the rest of a body that nobody wanted is taken in, so that the answer is read before the connection ends. */
const lingerMs = 5_000

/** Sends an answer whose body is whole, or that says the length of one that is not sent (HEAD). */
export function sendWhole(outcome: Outcome, sending: Sending): void {
  const { response, binding, context } = sending
  const { status, headers, body } = outcome
  const head = binding.method === 'HEAD'
  const lengthBytes = isStreamed(outcome) ? outcome.body.lengthBytes : Buffer.isBuffer(body) ? body.length : 0
  const sent = head || !Buffer.isBuffer(body) ? undefined : body
  const length = head && lengthBytes !== undefined ? { lengthBytes } : {}
  const answer = { status, headers: Object.entries(headers).flat(), body: sent, binding, ...length }
  const moment = { nowMs: context.nowMs(), nonce: context.nextNonce() }
  const sealed = es256Seal.sealAnswer(answer, context.sealIdentity(), moment)
  const framing = status === 204 || status === 304 || head ? [] : ['content-length', String(sent?.length ?? 0)]
  endUnread(response)
  response.writeHead(status, [...sealed.headers, ...framing])
  response.end(sent)
}

/**
 * Sends an answer piece by piece, at the pace of the reader, and seals its end. `record` is called before that end leaves, with
 * the refusal when the stream failed; the receiver then finds no end, and takes nothing of it for an answer. Never rejects for a
 * failure of the stream or the connection: that goes to `onFault`.
 */
export async function sendStream(
  outcome: StreamedOutcome,
  kind: 'trailer' | 'open',
  { response, binding, context, goneBy }: Sending,
  record: (failed: Outcome | undefined) => Promise<void>,
): Promise<void> {
  const { status, headers, body } = outcome
  let begun = false
  try {
    const streamed = { stream: kind, lengthBytes: kind === 'open' ? undefined : body.lengthBytes }
    const answer = { status, headers: Object.entries(headers).flat(), body: streamed, binding }
    const moment = { nowMs: context.nowMs(), nonce: context.nextNonce() }
    const sealed = es256Seal.sealAnswer(answer, context.sealIdentity(), moment)
    endUnread(response)
    response.writeHead(status, [...sealed.headers])
    begun = true
    await pour(body.bytes, response, sealed.sealer, goneBy)
    const trailers = sealed.sealer?.end('complete', { nowMs: context.nowMs(), nonce: context.nextNonce() }) ?? []
    await record(undefined)
    response.addTrailers(fieldPairs(trailers))
    response.end()
  } catch (fault) {
    response.destroy()
    if (!begun) await body.release?.()
    if (!isNobodysFault(fault)) context.onFault(fault, '-')
    await record(refusalOf(fault, '-', undefined)).catch((unrecorded: unknown) => context.onFault(unrecorded, '-'))
  }
}

async function pour(
  bytes: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  sealer: BodySealer | undefined,
  goneBy: () => PopError,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(goneBy()))
  const pieces = bytes[Symbol.asyncIterator]()
  try {
    for (;;) {
      // A source that says nothing for hours must not keep what it is for from being over.
      const next = await unlessGone(pieces.next(), gone.signal)
      if (response.destroyed) throw goneBy()
      if (next.done === true) return
      sealer?.add(next.value)
      if (next.value.length > 0 && !response.write(next.value)) await drained(response, gone.signal)
    }
  } catch (failure) {
    // Not waited for: it may be in the middle of something that takes its time.
    void pieces.return?.().catch(() => undefined)
    throw failure
  }
}

async function unlessGone<T>(waited: Promise<T>, gone: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(gone.reason)
  if (gone.aborted) leave()
  gone.addEventListener('abort', leave)
  try {
    return await Promise.race([waited, left])
  } finally {
    gone.removeEventListener('abort', leave)
  }
}

async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal: gone })
  } catch (failure) {
    // An aborted wait says only that it was; the signal says why.
    gone.throwIfAborted()
    throw failure
  }
}

/** The connection is gone because whoever asked has left, or may not have the rest. */
function isNobodysFault(fault: unknown): boolean {
  return fault instanceof PopError && (fault.code === 'client-gone' || fault.code === 'token-revoked')
}

/** Nobody's fault: whoever asked for the answer does not want the rest of it. */
export function clientGone(): PopError {
  return new PopError('client-gone', 'The gateway closed the connection before the end of the answer.')
}

/**
 * What is left of an unread body is thrown away, for a while: Node would close the connection at once, and a sender that is still
 * writing would meet a reset before it has read the answer. It is never taken for the next request.
 */
function endUnread(response: ServerResponse): void {
  const { req: request } = response
  if (request.complete) return
  // Whatever the sender said of the connection: to end it now would be to reset it.
  response.shouldKeepAlive = true
  const timer = setTimeout(() => request.destroy(), lingerMs)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}
