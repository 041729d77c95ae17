import { PopError } from '../problem/pop-error.ts'
import type { AnswerToSeal, SealedAnswer } from './answer-types.ts'
import { sealerOf } from './body-end.ts'
import { commonParameters, coverBody, coverComponent, coverFields, signCover, textParameter } from './cover.ts'
import { isBodiless } from './names.ts'
import type { SealIdentity, SealMoment } from './terms.ts'

const code = 'internal'

/** Seals an answer to one request; see `Seal`.  */
export function sealAnswer(answer: AnswerToSeal, identity: SealIdentity, moment: SealMoment): SealedAnswer {
  const { status, headers, body, lengthBytes, binding } = answer
  const cover = { list: '', base: '' }
  coverComponent(cover, '"@status"', String(status), code)
  coverComponent(cover, '"@method";req', binding.method, code)
  coverComponent(cover, '"@request-target";req', binding.target, code)
  coverComponent(cover, '"workload-identity-token"', identity.wit, code)
  const sealed = [...headers, 'workload-identity-token', identity.wit]
  if (body !== undefined && !(body instanceof Uint8Array && body.length === 0)) {
    if (isBodiless(binding.method, status)) throw new PopError(code, 'This answer cannot have a body.')
    coverBody(cover, body, sealed, code)
  }
  if (lengthBytes !== undefined) {
    if (binding.method !== 'HEAD') throw new PopError(code, 'Only an answer to HEAD says the length of another.')
    coverComponent(cover, '"pop-length"', String(lengthBytes), code)
    sealed.push('pop-length', String(lengthBytes))
  }
  coverFields(cover, headers, code)
  const bound = binding.nonce === undefined ? '' : textParameter('wimse-req-nonce', binding.nonce, code)
  const { signatureInput, signature } = signCover(cover, `${commonParameters(moment, code)}${bound}`, identity)
  sealed.push('signature-input', signatureInput, 'signature', signature)
  return { headers: sealed, sealer: sealerOf(body, signature, identity) }
}
