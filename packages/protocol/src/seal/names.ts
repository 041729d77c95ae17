/** The one label and the tag of the profile (wire.md, signed messages). */
export const sealLabel = 'wimse'
export const sealTag = 'wimse-workload-to-workload'

/** Label, tag and covered components of the signature in the trailers of a streamed body (wire.md, bodies). */
export const endLabel = 'wimse-end'
export const endTag = 'pop-body-end'
export const endComponents = '"signature";key="wimse" "content-digest";tr "pop-end";tr'

/**
 * Fields that a seal never covers and that a receiver never hands on: they belong to the connection or to the seal itself, and
 * HTTP libraries add some of them after signing.
 */
export const neverCoveredFields: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'te',
  'trailer',
  'date',
  'signature',
  'signature-input',
])

/** Credentials of the client, which never cross: a message that carries one is refused. */
export const forbiddenFields: ReadonlySet<string> = new Set(['authorization', 'cookie', 'x-api-key'])

/** Fields of the seal and its profile, which only sealing itself adds and no receiver finds among the others. */
export const sealOwnFields: ReadonlySet<string> = new Set([
  'txn-token',
  'workload-identity-token',
  'pop-request',
  'content-digest',
  'pop-body',
  'pop-length',
])

/** Fields that cross to a module without being declared by the operation. */
export const requestHopFields: ReadonlySet<string> = new Set([
  'accept',
  'content-type',
  'content-encoding',
  'range',
  'if-match',
  'if-none-match',
  'idempotency-key',
  'last-event-id',
  'traceparent',
])

/** Fields that cross back without being declared by the operation. */
export const answerHopFields: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'location',
  'retry-after',
  'cache-control',
])

/** Whether an answer to this method with this status has no body, whatever its fields say (RFC 9110, section 6.4.1). */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}
