import { PopError, problemMediaType, problemOf } from '@pop-api/protocol'
import type { Answer } from '../answer.ts'

/**
 * The answer to whatever was thrown: a problem document (RFC 9457). What is not a PopError is `internal`, and nothing of it
 * reaches the client; the caller records the cause.
 */
export function refuse(failure: unknown, requestId: string, decision?: string): Answer {
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

export function asPopError(failure: unknown): PopError {
  if (failure instanceof PopError) return failure
  return new PopError('internal', 'The request could not be completed.', { cause: failure })
}
