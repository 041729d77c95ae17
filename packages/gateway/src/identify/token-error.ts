import { PopError } from '@pop-api/protocol'
import { challengeOf, type Scheme } from './challenge.ts'

type TokenCode =
  | 'token-malformed'
  | 'token-invalid'
  | 'token-expired'
  | 'token-revoked'
  | 'test-token-refused'
  | 'credential-unsupported'
  | 'proof-missing'
  | 'proof-invalid'

/** What was wrong with a token, where its code says only that it is not valid here. */
export type TokenFault =
  | TokenCode
  | 'unknown-key'
  | 'signature'
  | 'kind'
  | 'issuer'
  | 'audience'
  | 'times'
  | 'claims'
  | 'inactive'
  | 'proof-replayed'

/** The `error` of RFC 6750 section 3.1, or that of RFC 9449 section 7.1. */
type ChallengeError = 'invalid_token' | 'invalid_dpop_proof'

/** The refusal of an access token, or of what was to prove that it is the caller's, with what only the metrics are told. */
export class TokenRefused extends PopError {
  readonly fault: TokenFault
  readonly #code: TokenCode
  readonly #error: ChallengeError

  constructor(
    code: TokenCode,
    detail: string,
    fault: TokenFault,
    scheme: Scheme = 'Bearer',
    error: ChallengeError = 'invalid_token',
  ) {
    super(code, detail, { headers: challengeOf(scheme, { error }) })
    this.fault = fault
    this.#code = code
    this.#error = error
  }

  /** The same for a token that came in this way. */
  under(scheme: Scheme): TokenRefused {
    return new TokenRefused(this.#code, this.message, this.fault, scheme, this.#error)
  }
}

/** Makes one for a token that came as Bearer; the fault is the code unless more is known. */
export function tokenError(code: TokenCode, detail: string, fault: TokenFault = code): TokenRefused {
  return new TokenRefused(code, detail, fault)
}
