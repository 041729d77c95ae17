import { verifyTxnToken } from '../token/txn-token.ts'
import type { VerifiedWit } from '../token/wit.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { checkBody } from './check-body.ts'
import { readStream } from './read-stream.ts'
import {
  checkCoverage,
  checkSignature,
  checkTimes,
  crossingFields,
  openHead,
  type Coverage,
  type OpenedHead,
} from './open-head.ts'
import type {
  ReceivedRequest,
  RequestExpectations,
  RequestHead,
  RequestVerdict,
  VerifiedRequest,
} from './request-types.ts'
import type { FlatFields, Refusal } from './terms.ts'

const coverage: Coverage = {
  derived: new Set(['"@method"', '"@request-target"']),
  fields: ['txn-token', 'workload-identity-token', 'pop-request'],
}
const requestIdShape = /^[!-~]{1,128}$/

/** Verifies everything of a request but its body; see `Seal`. The nonce is spent once all else has passed. */
export function verifyRequestHead(
  request: ReceivedRequest,
  expected: RequestExpectations,
): RequestVerdict<RequestHead> {
  const opened = openHead(request.rawHeaders)
  if (!opened.ok) return { ...opened, nonce: undefined }
  const verdict = verifyOpened(request, opened.value, expected)
  return verdict.ok ? verdict : { ...verdict, nonce: opened.value.input.nonce }
}

/** Compares the body with the head; see `Seal`. */
export function verifyRequestBody(
  head: RequestHead,
  body: Uint8Array,
  rawTrailers: FlatFields,
): RequestVerdict<VerifiedRequest> {
  const refusal = checkBody(head, body, rawTrailers)
  if (refusal !== undefined) return { ...refusal, nonce: head.binding.nonce }
  return { ok: true, value: { ...head, body } }
}

function verifyOpened(
  request: ReceivedRequest,
  opened: OpenedHead,
  expected: RequestExpectations,
): Verdict<RequestHead> {
  const { fields, input } = opened
  const { method, target } = request
  const early =
    checkCoverage(opened, coverage) ??
    checkParameters(opened, expected) ??
    checkTimes(input, expected.limits, expected.nowMs)
  if (early !== undefined) return early
  const wit = verifyWorkload(opened, expected)
  if (!wit.ok) return wit
  const late = checkSignature(opened, { method, target, fields }, wit.value.key) ?? checkBoot(input.boot, expected.boot)
  if (late !== undefined) return late
  const requestId = fields.get('pop-request') ?? ''
  if (!requestIdShape.test(requestId)) return refused('seal-malformed', 'Pop-Request is not a request id.')
  const { trust, module, operation, nowMs } = expected
  const requester = wit.value.sub
  const txn = verifyTxnToken(fields.get('txn-token') ?? '', { trust, module, operation, target, requester, nowMs })
  if (!txn.ok) return txn
  const stream = readStream(fields, wit.value.key, (kind) => kind === 'trailer' && expected.takesUpload)
  if (!stream.ok) return stream
  return (
    // Last, so that only who may make this very request can fill the store.
    checkNonce(opened, expected) ??
    accepted({
      caller: requester,
      txn: txn.value,
      requestId,
      binding: { method, target, nonce: input.nonce },
      headers: crossingFields(fields),
      digest: fields.get('content-digest'),
      stream: stream.value,
    })
  )
}

function checkParameters({ input }: OpenedHead, expected: RequestExpectations): Refusal | undefined {
  if (input.requestNonce !== undefined || input.signResponse !== true) {
    return refused('seal-malformed', 'The parameters are not those of a request.')
  }
  return input.audience === expected.audience
    ? undefined
    : refused('seal-audience', 'The seal is for another instance than the one that was reached.')
}

function verifyWorkload({ fields }: OpenedHead, expected: RequestExpectations): Verdict<VerifiedWit> {
  const wit = expected.wits.verify(fields.get('workload-identity-token') ?? '', expected.trust, expected.nowMs)
  if (wit.ok && expected.peer !== undefined && expected.peer !== wit.value.sub) {
    return refused('seal-identity', 'The certificate is of another workload than the workload token.')
  }
  return wit
}

function checkBoot(boot: string | undefined, present: string): Refusal | undefined {
  return boot === present ? undefined : refused('retry-seal', 'The seal was made for another start of this module.')
}

function checkNonce({ input }: OpenedHead, { nonces, nowMs }: RequestExpectations): Refusal | undefined {
  switch (nonces.remember(input.nonce, input.expires, nowMs)) {
    case 'fresh':
      return undefined
    case 'known':
      return refused('seal-replayed', 'The nonce was seen before.')
    case 'full':
      return refused('seal-full', 'No further nonce can be remembered now.')
    default: // late
      return refused('seal-expired', 'The seal is older than what the replay store remembers.')
  }
}
