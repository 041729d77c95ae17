import { accepted, refused, type Verdict } from '../verdict.ts'
import type { AnswerExpectations, AnswerHead, ReceivedAnswer, VerifiedAnswer } from './answer-types.ts'
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
import type { FlatFields, Refusal } from './terms.ts'

const coverage: Coverage = {
  derived: new Set(['"@status"', '"@method";req', '"@request-target";req']),
  fields: ['workload-identity-token'],
}
const lengthShape = /^(?:0|[1-9][0-9]{0,14})$/
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
  return checkSignature(opened.value, message, wit.value.key) ?? readAnswer(status, method, opened.value)
}

/** Compares the body with the head; see `Seal`. */
export function verifyAnswerBody(head: AnswerHead, body: Uint8Array, rawTrailers: FlatFields): Verdict<VerifiedAnswer> {
  return checkBody(head.digest, body, rawTrailers) ?? accepted({ ...head, body })
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

function readAnswer(status: number, method: string, { fields }: OpenedHead): Verdict<AnswerHead> {
  const digest = fields.get('content-digest')
  const length = fields.get('pop-length')
  if (digest !== undefined && isBodiless(method, status)) return refused('seal-body', 'This answer cannot have a body.')
  if (length !== undefined && (method !== 'HEAD' || !lengthShape.test(length))) {
    return refused('seal-body', 'Pop-Length is a length, in an answer to HEAD.')
  }
  const lengthBytes = length === undefined ? undefined : Number(length)
  return accepted({ status, headers: crossingFields(fields), digest, lengthBytes })
}
