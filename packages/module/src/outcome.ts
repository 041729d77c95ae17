import {
  answerHopFields,
  PopError,
  problemMediaType,
  problemOf,
  type Operation,
  type ProblemCode,
} from '@pop-api/protocol'
import type { AnswerStream, HandlerAnswer } from './definition.ts'

/** What goes back, before it is sealed. */
export interface Outcome {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | AnswerStream | undefined
  /** The problem of a refusal; undefined for a success. */
  readonly problem: ProblemCode | undefined
}

/** An outcome whose body is whole. */
export interface WholeOutcome extends Outcome {
  readonly body: Buffer | undefined
}

/** An outcome whose body is still to be read. */
export interface StreamedOutcome extends Outcome {
  readonly body: AnswerStream
}

/** Bytes of the body of an answer; a larger one is streamed, and ends with a trailer. */
export const answerBytesMax = 256 * 1024

/** The outcome of a handler's answer. Throws an Error for an answer that may not cross: a fault of the module's author. */
export async function outcomeOf(answer: HandlerAnswer, operation: Operation): Promise<Outcome> {
  try {
    return await checkedOutcome(answer, operation)
  } catch (failure) {
    await answer.stream?.release?.()
    throw failure
  }
}

async function checkedOutcome(answer: HandlerAnswer, operation: Operation): Promise<Outcome> {
  const { status, headers = {}, body, stream } = answer
  if (!Number.isInteger(status) || status < 200 || (status > 299 && status !== 304))
    throw new Error(`A handler answered with ${status}.`)
  checkFields(headers, operation)
  if (body === undefined && stream === undefined) return { status, headers, body: undefined, problem: undefined }
  if (status === 204 || status === 304) throw new Error(`A handler answered ${status} with a body.`)
  if (stream !== undefined) {
    if (body !== undefined) throw new Error('A handler answered with a body and a stream.')
    return { status, headers, body: await short(stream, operation), problem: undefined }
  }
  const bytes = Buffer.from(JSON.stringify(body), 'utf8')
  const typed = { 'content-type': 'application/json', ...headers }
  return { status, headers: typed, body: bytes.length > answerBytesMax ? streamOf(bytes) : bytes, problem: undefined }
}

/** Whether the body of an outcome is still to be read. */
export function isStreamed(outcome: Outcome): outcome is StreamedOutcome {
  return outcome.body !== undefined && !Buffer.isBuffer(outcome.body)
}

/** The outcome of a refusal: a problem document (RFC 9457). Any error but a PopError becomes `internal`. */
export function refusalOf(failure: unknown, requestId: string, decision: string | undefined): WholeOutcome {
  const error = failure instanceof PopError ? failure : new PopError('internal', 'The module failed.')
  const problem = problemOf(error, requestId, error.status === 403 ? decision : undefined)
  return {
    status: error.status,
    headers: { 'content-type': problemMediaType, ...error.headers },
    body: Buffer.from(JSON.stringify(problem), 'utf8'),
    problem: error.code,
  }
}

function checkFields(headers: Readonly<Record<string, string>>, operation: Operation): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!-~]([ -~]*[!-~])?$/.test(value))
      throw new Error(`A handler answered with a field ${name} that cannot be sealed.`)
    if (!answerHopFields.has(name) && !operation.answerHeaders.includes(name))
      throw new Error(`A handler answered with the field ${name}, which ${operation.id} does not declare.`)
  }
}

/** A stream that fits is read now: its digest then stands in the head, and a failure is a plain refusal. */
async function short(stream: AnswerStream, { method, stream: kind }: Operation): Promise<Buffer | AnswerStream> {
  const { bytes, lengthBytes } = stream
  if (method === 'HEAD' || kind === 'events' || lengthBytes === undefined || lengthBytes > answerBytesMax) return stream
  const pieces: Uint8Array[] = []
  let count = 0
  for await (const piece of bytes) {
    count += piece.length
    if (count > lengthBytes) break
    pieces.push(piece)
  }
  if (count !== lengthBytes) throw new Error(`A handler promised ${lengthBytes} bytes and gave others.`)
  return Buffer.concat(pieces)
}

function streamOf(body: Buffer): AnswerStream {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < body.length; at += answerBytesMax) yield body.subarray(at, at + answerBytesMax)
  }
  return { bytes: bytes(), lengthBytes: body.length }
}
