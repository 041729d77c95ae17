import { parseStrictJson, PopError } from '@pop-api/protocol'
import type { OwnRequest } from './operation.ts'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Far more than any of these bodies needs. */
const bodyBytesMax = 4096

/**
 * The JSON body of an own operation, of this media type and no other. Throws `media-type-unsupported`, `body-too-large`,
 * `body-malformed`. Untrusted input.
 */
export async function readJsonBody({ permitted, body }: OwnRequest, mediaType: string): Promise<unknown> {
  const { fields, method } = permitted.identified.routed.received
  const sent = (fields.get('content-type') ?? '').toLowerCase().replace(/; ?charset=utf-8$/, '')
  if (sent !== mediaType) {
    // RFC 5789 section 3.1.
    const headers = method === 'PATCH' ? { 'accept-patch': mediaType } : {}
    throw new PopError('media-type-unsupported', `This operation takes ${mediaType}.`, { headers })
  }
  const parsed = parseStrictJson(decode(await body.collect(bodyBytesMax)))
  if (!parsed.ok) throw new PopError(parsed.code, parsed.detail)
  return parsed.value
}

function decode(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    throw new PopError('body-malformed', 'The body is not UTF-8.', { cause })
  }
}
