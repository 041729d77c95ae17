import { isProblemCode, PopError, type PopErrorOptions, type ProblemCode } from '@pop-api/protocol'

/** The refusal of a request because a seal of the hop did not hold. The client is not told which check failed; log and metrics are. */
export class SealFailure extends PopError {
  /** Whose seal: that of the module's answer, by our check, or that of our request, by what the module answered. */
  readonly side: 'answer' | 'request'
  /** The code of the check that failed; `other` for one that is none of ours, since a module may say anything. */
  readonly reason: ProblemCode | 'other'

  constructor(
    code: 'answer-unverified' | 'module-unavailable',
    detail: string,
    seal: Pick<SealFailure, 'side' | 'reason'>,
    options: PopErrorOptions,
  ) {
    super(code, detail, options)
    this.side = seal.side
    this.reason = seal.reason
  }
}

/** The refusal for an answer that does not verify. */
export function answerUnverified({
  code,
  detail,
}: {
  readonly code: ProblemCode
  readonly detail: string
}): SealFailure {
  const seal = { side: 'answer', reason: code } as const
  const cause = new Error(`${code}: ${detail}`)
  return new SealFailure('answer-unverified', 'The answer of the module does not verify.', seal, { cause })
}

/** The refusal for a request whose seal the module did not take, with the code of its problem; one whose store is full may take the next. */
export function requestUnverified(code: string): SealFailure {
  const seal = { side: 'request', reason: isProblemCode(code) ? code : 'other' } as const
  const cause = new Error(code)
  if (code !== 'seal-full')
    return new SealFailure('answer-unverified', 'The module did not take the request of this gateway.', seal, { cause })
  const headers = { 'retry-after': '1' }
  return new SealFailure('module-unavailable', 'The module takes no further request now.', seal, { cause, headers })
}
