import { contentDigest } from '../digest/content-digest.ts'
import { PopError } from '../problem/pop-error.ts'
import type { AnswerToSeal } from './answer-types.ts'
import { commonParameters, coverComponent, coverFields, signCover, textParameter } from './cover.ts'
import { isBodiless } from './names.ts'
import type { FlatFields, SealIdentity, SealMoment } from './terms.ts'

const code = 'internal'

/** Seals an answer to one request; see `Seal`. Gives all fields to send. */
export function sealAnswer(answer: AnswerToSeal, identity: SealIdentity, moment: SealMoment): FlatFields {
  const { status, headers, body, lengthBytes, binding } = answer
  const cover = { list: '', base: '' }
  coverComponent(cover, '"@status"', String(status), code)
  coverComponent(cover, '"@method";req', binding.method, code)
  coverComponent(cover, '"@request-target";req', binding.target, code)
  coverComponent(cover, '"workload-identity-token"', identity.wit, code)
  const sealed = [...headers, 'workload-identity-token', identity.wit]
  const add = (name: string, value: string) => {
    coverComponent(cover, `"${name}"`, value, code)
    sealed.push(name, value)
  }
  if (body !== undefined && body.length > 0) {
    if (isBodiless(binding.method, status)) throw new PopError(code, 'This answer cannot have a body.')
    add('content-digest', contentDigest(body))
  }
  if (lengthBytes !== undefined) {
    if (binding.method !== 'HEAD') throw new PopError(code, 'Only an answer to HEAD says the length of another.')
    add('pop-length', String(lengthBytes))
  }
  coverFields(cover, headers, code)
  const bound = binding.nonce === undefined ? '' : textParameter('wimse-req-nonce', binding.nonce, code)
  const { signatureInput, signature } = signCover(cover, `${commonParameters(moment, code)}${bound}`, identity)
  sealed.push('signature-input', signatureInput, 'signature', signature)
  return sealed
}
