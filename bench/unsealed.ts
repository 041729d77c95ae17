import { accepted, type Seal } from '@pop-api/protocol'

/**
 * A seal that seals nothing and believes everything: what the path costs without signatures. It lives here, outside every package,
 * and only the symbol `benchmarkParts` brings it into a gateway.
 */
export const unsealed: Seal = {
  name: 'unsealed',
  sealRequest: ({ method, target, headers, txnToken, requestId }) => ({
    headers: [...headers, 'txn-token', txnToken, 'pop-request', requestId],
    binding: { method, target, nonce: undefined },
    sealer: undefined,
  }),
  verifyAnswerHead: ({ status, rawHeaders }) =>
    accepted({ status, headers: lowerCase(rawHeaders), digest: undefined, stream: undefined, lengthBytes: undefined }),
  verifyAnswerBody: (head, body) => accepted({ ...head, body }),
  verifyRequestHead: refuse,
  verifyRequestBody: refuse,
  sealAnswer: refuse,
  verifyBody: refuse,
}

function refuse(): never {
  throw new Error('Nothing is measured on this side.')
}

function lowerCase(fields: readonly string[]): string[] {
  return fields.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text))
}
