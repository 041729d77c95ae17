import { randomUUID } from 'node:crypto'
import { PopError, problemMediaType, problemOf } from '@pop-api/protocol'

/** A problem document as it is sent. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What failed inside, for logs; `requestId` is the one that the caller was told. */
export type FaultListener = (fault: unknown, requestId: string) => void

/** Makes the answer to a failed request. Whatever is no PopError is told to `onFault` and to nobody else. */
export function problemAnswer(failure: unknown, onFault: FaultListener): ProblemAnswer {
  const requestId = randomUUID()
  const error = failure instanceof PopError ? failure : new PopError('internal', 'Control failed.', { cause: failure })
  if (error.status >= 500) onFault(error.cause ?? error, requestId)
  return {
    status: error.status,
    headers: {
      ...error.headers,
      'content-type': problemMediaType,
      'cache-control': 'no-store',
      'x-request-id': requestId,
    },
    body: JSON.stringify(problemOf(error, requestId)),
  }
}
