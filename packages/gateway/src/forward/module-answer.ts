import type { Readable } from 'node:stream'
import { PopError, type AnswerHead, type HeadStream } from '@pop-api/protocol'
import type { Flow } from '../revoke/under-way.ts'

/** What a module is asked, beside the body. */
export interface ModuleRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  /** How long the module may be silent, before the answer and within it. */
  readonly silenceMsMax: number
  /** Says how the exchange can be cut, until it has ended or another way is said. */
  readonly onCut: Flow['onCut']
  /** Verifies the head of the answer as soon as it is there. Throws a PopError for one that does not verify: nothing more is read. */
  readonly readHead: (status: number, rawHeaders: readonly string[]) => AnswerHead
}

/** An answer whose head verified; of its body nothing is believed yet. */
export type ModuleAnswer = WholeAnswer | StreamedAnswer

interface WholeAnswer {
  readonly kind: 'whole'
  readonly head: AnswerHead
  readonly body: Buffer
  readonly rawTrailers: readonly string[]
}

export interface StreamedAnswer {
  readonly kind: 'streamed'
  readonly head: AnswerHead
  readonly stream: HeadStream
  /** The bytes as they arrive. To destroy it gives the connection up. */
  readonly source: Readable
  /** After the last byte. */
  readonly rawTrailers: () => readonly string[]
}

/** Bytes of an answer that is not streamed. */
export const answerBytesMax = 256 * 1024

/** Nothing of the request has left: another instance may be asked, whatever the request is. */
export class InstanceUnreachable extends PopError {
  constructor(cause: Error) {
    super('module-unavailable', 'The module cannot be reached now.', { cause, headers: { 'retry-after': '1' } })
  }
}

/** The refusal for an exchange that broke: `module-timeout` or `module-unavailable`, or what it already is. */
export function brokenExchange(error: unknown): PopError {
  if (error instanceof PopError) return error
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return moduleSilent(error)
  return new PopError('module-unavailable', 'The module cannot be reached now.', {
    cause: error,
    headers: { 'retry-after': '1' },
  })
}

/** The refusal for a module that says nothing for too long. */
export function moduleSilent(cause?: unknown): PopError {
  return new PopError('module-timeout', 'The module did not answer in time.', { cause })
}

/** The refusal for an answer of more bytes than one without a trailer may have. */
export function answerTooLarge(): PopError {
  return new PopError('answer-unverified', 'The answer is too large.')
}
