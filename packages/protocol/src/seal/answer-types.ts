import type { Trust } from '../token/trust.ts'
import type { WitCache } from '../token/wit-cache.ts'
import type { BodySealer, FlatFields, HeadStream, RequestBinding, SealLimits, StreamedBody } from './terms.ts'

export interface AnswerToSeal {
  readonly status: number
  /** As in `RequestToSeal`. */
  readonly headers: FlatFields
  readonly body: Uint8Array | StreamedBody | undefined
  /** Of an answer to HEAD: the length that the answer to GET would have. */
  readonly lengthBytes?: number
  readonly binding: RequestBinding
}

export interface SealedAnswer {
  /** All fields to send, the seal's included, beside those that the HTTP library adds by itself. */
  readonly headers: FlatFields
  /** Of a body that follows with a trailer. */
  readonly sealer: BodySealer | undefined
}

export interface ReceivedAnswer {
  readonly status: number
  /** Raw header fields as they arrived. */
  readonly rawHeaders: FlatFields
}

export interface AnswerExpectations {
  readonly trust: Trust
  readonly wits: WitCache
  readonly limits: SealLimits
  /** SPIFFE ID of the instance that was dialled. */
  readonly instance: string
  /** SPIFFE ID of the TLS peer; undefined only over loopback HTTP. */
  readonly peer: string | undefined
  readonly binding: RequestBinding
  /** Whether the operation may answer with events (`x-pop-stream: events`), whose end nobody seals. */
  readonly takesEvents: boolean
  readonly nowMs: number
}

/** An answer whose head verified. Its body has not: only `verifyAnswerBody` makes a `VerifiedAnswer` of it. */
export interface AnswerHead {
  readonly status: number
  /** The covered end-to-end fields without those of the seal, in the order received, names in lower case. */
  readonly headers: FlatFields
  readonly digest: string | undefined
  /** Of a streamed body: pass it to `verifyBody`. */
  readonly stream: HeadStream | undefined
  /** Of an answer to HEAD, if it says so: the length that the answer to GET would have. */
  readonly lengthBytes: number | undefined
}

export interface VerifiedAnswer extends AnswerHead {
  /** Empty for none. */
  readonly body: Uint8Array
}
