import { PopError } from '@pop-api/protocol'

/** The refusal of an access token (RFC 6750 section 3.1). */
export function tokenError(
  code: 'token-malformed' | 'token-invalid' | 'token-expired' | 'token-revoked' | 'test-token-refused',
  detail: string,
): PopError {
  return new PopError(code, detail, {
    headers: { 'www-authenticate': 'Bearer realm="pop-api", error="invalid_token"' },
  })
}
