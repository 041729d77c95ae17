import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { PopError } from '@pop-api/protocol'
import { isStreamed, type Answer, type StreamedBody } from './answer.ts'
import { finishFields } from './refuse/security-fields.ts'

interface Sending {
  readonly requestId: string
  /** The connection ends with this answer. */
  readonly close: boolean
  /** The request was a HEAD: the fields are sent, the body is not. */
  readonly head: boolean
  /** How long a client may read nothing of a streamed body; a minute unless told. */
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
  if (isStreamed(answer)) await pour(response, answer.body, stallMsMax)
  else response.end(head ? undefined : answer.body)
}

async function pour(
  response: ServerResponse,
  { pieces, finish, abandon }: StreamedBody,
  stallMsMax: number,
): Promise<void> {
  const gone = new AbortController()
  const leave = (): void => gone.abort(clientGone())
  response.once('close', leave)
  if (response.destroyed) leave()
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
