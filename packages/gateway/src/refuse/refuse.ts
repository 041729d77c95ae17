import { PopError, problemMediaType, problemOf } from '@pop-api/protocol'
import type { Answer, WholeAnswer } from '../answer.ts'
import type { Received } from '../receive/received.ts'
import { refuseOAuth } from '../serve/oauth/refuse-oauth.ts'

/**
 * The answer to whatever was thrown: a problem document (RFC 9457). What is not a PopError is `internal`, and nothing of it
 * reaches the client; the caller records the cause.
 */
export function refuse(failure: unknown, requestId: string, decision?: string): WholeAnswer {
  const error = asPopError(failure)
  const body = Buffer.from(JSON.stringify(problemOf(error, requestId, decision)), 'utf8')
  const fields = [
    'content-type',
    problemMediaType,
    'content-length',
    String(body.length),
    ...Object.entries(error.headers).flat(),
  ]
  return { status: error.status, fields, body }
}

/** The same in the form that clients of its path read: under `/oauth` as RFC 6749 says. */
export function refuseRequest(failure: unknown, { requestId, target }: Received): Answer {
  return target.segments[0] === 'oauth' ? refuseOAuth(asPopError(failure), requestId) : refuse(failure, requestId)
}

export function asPopError(failure: unknown): PopError {
  if (failure instanceof PopError) return failure
  return new PopError('internal', 'The request could not be completed.', { cause: failure })
}
