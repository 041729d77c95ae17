import { PopError } from '@pop-api/protocol'

type TokenCode = 'token-malformed' | 'token-invalid' | 'token-expired' | 'token-revoked' | 'test-token-refused'

/** What was wrong with a token, where its code says only that it is not valid here. */
export type TokenFault = TokenCode | 'unknown-key' | 'signature' | 'kind' | 'issuer' | 'audience' | 'times' | 'claims'

/** The refusal of an access token (RFC 6750 section 3.1), with what only the metrics are told. */
export class TokenRefused extends PopError {
  readonly fault: TokenFault

  constructor(code: TokenCode, detail: string, fault: TokenFault) {
    super(code, detail, { headers: { 'www-authenticate': 'Bearer realm="pop-api", error="invalid_token"' } })
    this.fault = fault
  }
}

/** Makes one; the fault is the code unless more is known. */
export function tokenError(code: TokenCode, detail: string, fault: TokenFault = code): TokenRefused {
  return new TokenRefused(code, detail, fault)
}
