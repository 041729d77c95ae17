import type { Verdict } from '../verdict.ts'
import type {
  AnswerExpectations,
  AnswerHead,
  AnswerToSeal,
  ReceivedAnswer,
  SealedAnswer,
  VerifiedAnswer,
} from './answer-types.ts'
import { verifyBody } from './body-end.ts'
import type {
  ReceivedRequest,
  RequestExpectations,
  RequestHead,
  RequestToSeal,
  RequestVerdict,
  SealedRequest,
  VerifiedRequest,
} from './request-types.ts'
import { sealAnswer } from './seal-answer.ts'
import { sealRequest } from './seal-request.ts'
import type { BodyVerifier, FlatFields, HeadStream, SealIdentity, SealLimits, SealMoment } from './terms.ts'
import { verifyAnswerBody, verifyAnswerHead } from './verify-answer.ts'
import { verifyRequestBody, verifyRequestHead } from './verify-request.ts'

/**
 * How messages between workloads are sealed (wire.md, signed messages). A stage holds one `Seal` and knows nothing of keys and
 * algorithms, so that another one fits without touching a stage. An implementer MUST accept a message only if every byte that a
 * receiver acts on was sealed by the workload it names, for this very receiver, within its time, and once. The one exception is
 * the body of an `open` stream, of which only the head is sealed.
 *
 * Heads and bodies are verified apart, so that a body is not read for a head that is refused. Sealing throws a PopError for
 * fields that cannot be sealed: `ambiguous-header` for a request, `internal` for an answer. Verification never throws.
 */
export interface Seal {
  readonly name: string
  readonly sealRequest: (request: RequestToSeal, identity: SealIdentity, moment: SealMoment) => SealedRequest
  readonly verifyRequestHead: (request: ReceivedRequest, expected: RequestExpectations) => RequestVerdict<RequestHead>
  readonly verifyRequestBody: (
    head: RequestHead,
    body: Uint8Array,
    rawTrailers: FlatFields,
  ) => RequestVerdict<VerifiedRequest>
  readonly sealAnswer: (answer: AnswerToSeal, identity: SealIdentity, moment: SealMoment) => SealedAnswer
  readonly verifyAnswerHead: (answer: ReceivedAnswer, expected: AnswerExpectations) => Verdict<AnswerHead>
  readonly verifyAnswerBody: (head: AnswerHead, body: Uint8Array, rawTrailers: FlatFields) => Verdict<VerifiedAnswer>
  /** Begins to verify a body whose head says that it is streamed. */
  readonly verifyBody: (stream: HeadStream, limits: SealLimits) => BodyVerifier
}

/** The seal with an ES256 signature for each message: where the algorithm is chosen. */
export const es256Seal: Seal = {
  name: 'es256',
  sealRequest,
  verifyRequestHead,
  verifyRequestBody,
  sealAnswer,
  verifyAnswerHead,
  verifyAnswerBody,
  verifyBody,
}
