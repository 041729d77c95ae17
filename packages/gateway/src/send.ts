import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { PopError } from '@pop-api/protocol'
import type { Answer, StreamedBody } from './answer.ts'
import { finishFields } from './refuse/security-fields.ts'

interface Sending {
  readonly requestId: string
  /** The connection ends with this answer. */
  readonly close: boolean
  /** The request was a HEAD: the fields are sent, the body is not. */
  readonly head: boolean
  /** How long a client may read nothing of a streamed body, or take for a whole one; a minute unless told. */
  readonly stallMsMax?: number
}

const stallMsUnlessTold = 60_000

/**
 * Sends an answer. A streamed one goes at the client's pace; if it cannot be given to its end the connection is cut, so that
 * the client sees that something is missing. Never rejects for that: the body is told.
 */
export async function send(
  response: ServerResponse,
  answer: Answer,
  { requestId, close, head, stallMsMax = stallMsUnlessTold }: Sending,
): Promise<void> {
  const fields = close ? [...answer.fields, 'connection', 'close'] : answer.fields
  response.writeHead(answer.status, finishFields(fields, requestId))
  if (!(answer.body instanceof Uint8Array)) {
    await pour(response, answer.body, stallMsMax)
    return
  }
  response.end(head ? undefined : answer.body)
  if (!head && answer.body.length > systemBytes) cutUnlessTaken(response, stallMsMax)
}

/** What the system's own buffers take of an answer, whether somebody reads it or not. */
const systemBytes = 16 * 1024

/** Cuts the connection of a client that does not take an answer which is whole: until then its bytes lie in memory. */
function cutUnlessTaken(response: ServerResponse, takenMsMax: number): void {
  // One that is behind another on its connection has no socket yet: its time begins with its turn.
  if (response.socket === null) {
    response.once('socket', () => cutUnlessTaken(response, takenMsMax))
    return
  }
  const timer = setTimeout(() => response.destroy(), takenMsMax)
  response.once('close', () => clearTimeout(timer))
}

async function pour(
  response: ServerResponse,
  { pieces, finish, abandon, cut }: StreamedBody,
  stallMsMax: number,
): Promise<void> {
  const gone = new AbortController()
  const leave = (): void => gone.abort(clientGone())
  response.once('close', leave)
  if (response.destroyed) leave()
  const stop = (): void => gone.abort(cut?.reason)
  cut?.addEventListener('abort', stop)
  if (cut?.aborted === true) stop()
  try {
    for await (const piece of pieces) {
      gone.signal.throwIfAborted()
      if (!response.write(piece)) await drained(response, gone, stallMsMax)
    }
    const last = await finish()
    gone.signal.throwIfAborted()
    response.end(last)
  } catch (failure) {
    // An aborted wait says only that it was; the signal says why.
    await abandon(gone.signal.aborted ? gone.signal.reason : failure)
    // Without the last byte, the last chunk or a close_notify no reader takes what it has for the whole.
    response.destroy()
  } finally {
    response.off('close', leave)
    cut?.removeEventListener('abort', stop)
  }
}

/** Waits until the client has read; one that reads nothing for too long counts as gone, for it holds a module's answer open. */
async function drained(response: ServerResponse, gone: AbortController, stallMsMax: number): Promise<void> {
  const timer = setTimeout(() => gone.abort(clientGone()), stallMsMax)
  try {
    await once(response, 'drain', { signal: gone.signal })
  } finally {
    clearTimeout(timer)
  }
}

function clientGone(): PopError {
  return new PopError('client-gone', 'The client closed the connection before the end of the answer.')
}
