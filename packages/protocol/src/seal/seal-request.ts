import { commonParameters, coverBody, coverComponent, coverFields, signCover, textParameter } from './cover.ts'
import { sealerOf } from './body-end.ts'
import type { RequestToSeal, SealedRequest } from './request-types.ts'
import type { SealIdentity, SealMoment } from './terms.ts'

const code = 'ambiguous-header'

/** Seals a request for one instance; see `Seal`. */
export function sealRequest(request: RequestToSeal, identity: SealIdentity, moment: SealMoment): SealedRequest {
  const { method, target, headers, body, txnToken, requestId } = request
  const cover = { list: '', base: '' }
  coverComponent(cover, '"@method"', method, code)
  coverComponent(cover, '"@request-target"', target, code)
  coverComponent(cover, '"txn-token"', txnToken, code)
  coverComponent(cover, '"workload-identity-token"', identity.wit, code)
  coverComponent(cover, '"pop-request"', requestId, code)
  const sealed = [...headers, 'txn-token', txnToken, 'workload-identity-token', identity.wit, 'pop-request', requestId]
  if (body !== undefined) coverBody(cover, body, sealed, code)
  coverFields(cover, headers, code)
  const { signatureInput, signature } = signCover(cover, parametersOf(request, moment), identity)
  sealed.push('signature-input', signatureInput, 'signature', signature)
  const sealer = sealerOf(body, signature, identity)
  return { headers: sealed, binding: { method, target, nonce: moment.nonce }, sealer }
}

function parametersOf({ audience, boot }: RequestToSeal, moment: SealMoment): string {
  const audienceText = textParameter('wimse-aud', audience, code)
  return `${commonParameters(moment, code)}${audienceText};wimse-sign-response${textParameter('pop-boot', boot, code)}`
}
