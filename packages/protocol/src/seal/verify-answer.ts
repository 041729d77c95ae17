import { accepted, refused, type Verdict } from '../verdict.ts'
import type { AnswerExpectations, AnswerHead, ReceivedAnswer, VerifiedAnswer } from './answer-types.ts'
import type { KeyObject } from 'node:crypto'
import { checkBody } from './check-body.ts'
import { isBodiless } from './names.ts'
import {
  checkCoverage,
  checkSignature,
  checkTimes,
  crossingFields,
  openHead,
  type Coverage,
  type OpenedHead,
} from './open-head.ts'
import { readLength, readStream } from './read-stream.ts'
import type { FlatFields, Refusal } from './terms.ts'

const coverage: Coverage = {
  derived: new Set(['"@status"', '"@method";req', '"@request-target";req']),
  fields: ['workload-identity-token'],
}
const noFields: ReadonlyMap<string, string> = new Map()

/** Verifies everything of an answer but its body; see `Seal`. */
export function verifyAnswerHead(answer: ReceivedAnswer, expected: AnswerExpectations): Verdict<AnswerHead> {
  const opened = openHead(answer.rawHeaders)
  if (!opened.ok) return opened
  const { fields, input } = opened.value
  const early =
    checkCoverage(opened.value, coverage) ??
    checkBinding(opened.value, expected) ??
    checkTimes(input, expected.limits, expected.nowMs)
  if (early !== undefined) return early
  const wit = expected.wits.verify(fields.get('workload-identity-token') ?? '', expected.trust, expected.nowMs)
  if (!wit.ok) return wit
  if (wit.value.sub !== expected.instance || (expected.peer !== undefined && expected.peer !== expected.instance)) {
    return refused('seal-identity', 'Another workload answered than the one that was dialled.')
  }
  const { method, target } = expected.binding
  const { status } = answer
  const message = { status, fields, request: { method, target, fields: noFields } }
  return (
    checkSignature(opened.value, message, wit.value.key) ?? readAnswer(answer, expected, opened.value, wit.value.key)
  )
}

/** Compares the body with the head; see `Seal`. */
export function verifyAnswerBody(head: AnswerHead, body: Uint8Array, rawTrailers: FlatFields): Verdict<VerifiedAnswer> {
  return checkBody(head, body, rawTrailers) ?? accepted({ ...head, body })
}

/** An answer belongs to the one request whose nonce it names; an answer that could not read the nonce counts as none. */
function checkBinding({ input }: OpenedHead, { binding }: AnswerExpectations): Refusal | undefined {
  if (input.audience !== undefined || input.boot !== undefined || input.signResponse !== undefined) {
    return refused('seal-malformed', 'The parameters are not those of an answer.')
  }
  return binding.nonce !== undefined && input.requestNonce === binding.nonce
    ? undefined
    : refused('seal-audience', 'The answer is not bound to this request.')
}

function readAnswer(
  { status }: ReceivedAnswer,
  { binding: { method }, takesEvents }: AnswerExpectations,
  { fields }: OpenedHead,
  key: KeyObject,
): Verdict<AnswerHead> {
  const digest = fields.get('content-digest')
  const headers = crossingFields(fields)
  if (isBodiless(method, status)) {
    if (digest !== undefined || fields.has('pop-body')) return refused('seal-body', 'This answer cannot have a body.')
    const length = fields.get('pop-length')
    const lengthBytes = readLength(length)
    if (length !== undefined && (method !== 'HEAD' || lengthBytes === undefined))
      return refused('seal-body', 'Pop-Length of an answer without a body is a length, in an answer to HEAD.')
    return accepted({ status, headers, digest, stream: undefined, lengthBytes })
  }
  const stream = readStream(fields, key, (kind) => kind === 'trailer' || takesEvents)
  if (!stream.ok) return stream
  return accepted({ status, headers, digest, stream: stream.value, lengthBytes: undefined })
}
