import type { ProblemCode } from '../problem/catalogue.ts'
import type { Trust } from '../token/trust.ts'
import type { TxnClaims } from '../token/txn-claims.ts'
import type { WitCache } from '../token/wit-cache.ts'
import type { NonceStore } from './nonce-store.ts'
import type { BodySealer, FlatFields, HeadStream, RequestBinding, SealLimits, StreamedBody } from './terms.ts'

export interface RequestToSeal {
  readonly method: string
  /** The exact bytes of the request line, base included. */
  readonly target: string
  /** Every end-to-end field that crosses, in the order sent, each name once and in lower case. */
  readonly headers: FlatFields
  /** The whole body, or the mark of one that follows; undefined or empty for none. */
  readonly body: Uint8Array | StreamedBody | undefined
  readonly txnToken: string
  readonly requestId: string
  /** SPIFFE ID of the instance that is dialled. */
  readonly audience: string
  /** Boot value of that instance, from the bulletin or from its `retry-seal` problem. */
  readonly boot: string
}

export interface SealedRequest {
  /** All fields to send, the seal's included, beside those that the HTTP library adds by itself. */
  readonly headers: FlatFields
  /** Pass it to `verifyAnswerHead`. */
  readonly binding: RequestBinding
  /** Of a body that follows with a trailer. */
  readonly sealer: BodySealer | undefined
}

export interface ReceivedRequest {
  readonly method: string
  /** The raw request target (`req.url`). */
  readonly target: string
  /** `rawHeaders` of Node. */
  readonly rawHeaders: FlatFields
}

export interface RequestExpectations {
  readonly trust: Trust
  readonly wits: WitCache
  readonly nonces: NonceStore
  readonly limits: SealLimits
  /** Own SPIFFE ID and the boot value of this start. */
  readonly audience: string
  readonly boot: string
  /** SPIFFE ID of the TLS peer; undefined only over loopback HTTP, where TLS falls away. */
  readonly peer: string | undefined
  /** Own module name, and the id of the operation that the request reaches; undefined if none, and then nothing is accepted. */
  readonly module: string
  readonly operation: string | undefined
  /** Whether that operation takes a streamed body (`x-pop-stream: upload`). */
  readonly takesUpload: boolean
  readonly nowMs: number
}

/** A request whose head verified. Its body has not: only `verifyRequestBody` makes a `VerifiedRequest` of it. */
export interface RequestHead {
  /** SPIFFE ID of the caller. */
  readonly caller: string
  readonly txn: TxnClaims
  readonly requestId: string
  readonly binding: RequestBinding
  /** The covered end-to-end fields without those of the seal, in the order received, names in lower case. */
  readonly headers: FlatFields
  /** The covered `Content-Digest`; undefined for a message without a body and for a streamed one. */
  readonly digest: string | undefined
  /** Of a streamed body: pass it to `verifyBody`. */
  readonly stream: HeadStream | undefined
}

export interface VerifiedRequest extends RequestHead {
  /** Empty for none. */
  readonly body: Uint8Array
}

/** A refused request. The refusal is answered sealed, and bound to `nonce` if that could be read. */
export interface RequestRefusal {
  readonly ok: false
  readonly code: ProblemCode
  readonly detail: string
  readonly nonce: string | undefined
}

export type RequestVerdict<T> = { readonly ok: true; readonly value: T } | RequestRefusal
