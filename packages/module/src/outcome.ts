import {
  answerHopFields,
  PopError,
  problemMediaType,
  problemOf,
  type Operation,
  type ProblemCode,
} from '@pop-api/protocol'
import type { HandlerAnswer } from './definition.ts'

/** What goes back, before it is sealed. */
export interface Outcome {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  /** The problem of a refusal; undefined for a success. */
  readonly problem: ProblemCode | undefined
}

/** Bytes of the body of an answer. Larger answers need a trailer, which is not served yet. */
export const answerBytesMax = 256 * 1024

/** The outcome of a handler's answer. Throws an Error for an answer that may not cross: a fault of the module's author. */
export function outcomeOf(answer: HandlerAnswer, operation: Operation): Outcome {
  const { status, headers = {}, body } = answer
  if (!Number.isInteger(status) || status < 200 || status > 299) throw new Error(`A handler answered with ${status}.`)
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!-~]([ -~]*[!-~])?$/.test(value))
      throw new Error(`A handler answered with a field ${name} that cannot be sealed.`)
    if (!answerHopFields.has(name) && !operation.answerHeaders.includes(name))
      throw new Error(`A handler answered with the field ${name}, which ${operation.id} does not declare.`)
  }
  if (body === undefined) return { status, headers, body: undefined, problem: undefined }
  if (status === 204) throw new Error('A handler answered 204 with a body.')
  const bytes = Buffer.from(JSON.stringify(body), 'utf8')
  if (bytes.length > answerBytesMax)
    throw new Error(`A handler answered with ${bytes.length} bytes; an answer may have ${answerBytesMax}.`)
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: bytes, problem: undefined }
}

/** The outcome of a refusal: a problem document (RFC 9457). Any error but a PopError becomes `internal`. */
export function refusalOf(failure: unknown, requestId: string, decision: string | undefined): Outcome {
  const error = failure instanceof PopError ? failure : new PopError('internal', 'The module failed.')
  const problem = problemOf(error, requestId, error.status === 403 ? decision : undefined)
  return {
    status: error.status,
    headers: { 'content-type': problemMediaType, ...error.headers },
    body: Buffer.from(JSON.stringify(problem), 'utf8'),
    problem: error.code,
  }
}
