import { isCount, type JsonObject } from '../encoding/shape.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'

/** What the registered claims of a token (RFC 7519 section 4.1) must say. */
export interface ClaimRules {
  /** Exactly this `iss`; undefined where the caller decides on the issuer itself. */
  readonly issuer?: string
  /** Exactly this `aud`, as a string: a list, even of one, names others to whom the token may be shown. */
  readonly audience?: string
  /** Largest accepted `exp − iat`. */
  readonly lifeSecondsMax: number
  /** How far `iat` and `nbf` may lie ahead of our clock. `exp` gets no leeway. */
  readonly skewSecondsMax: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

export interface TokenTimes {
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
}

/**
 * Checks `exp`, `iat`, `nbf`, `iss` and `aud`. `exp` and `iat` are required and must be safe integers, so that `1e999`, a text
 * or a fraction never passes for "no end". Refuses with `token-expired` or `token-invalid`. Untrusted input.
 */
export function checkClaims(claims: JsonObject, rules: ClaimRules): Verdict<TokenTimes> {
  const { iss, aud, exp, iat, nbf } = claims
  if (rules.issuer !== undefined && iss !== rules.issuer)
    return refused('token-invalid', 'The token is of another issuer.')
  if (rules.audience !== undefined && aud !== rules.audience)
    return refused('token-invalid', 'The token is for another audience.')
  if (!isCount(exp) || !isCount(iat))
    return refused('token-invalid', 'The token must have exp and iat as whole seconds.')
  if (exp <= iat || exp - iat > rules.lifeSecondsMax) {
    return refused('token-invalid', `The token must live between 1 and ${rules.lifeSecondsMax} seconds.`)
  }
  const aheadMs = rules.nowMs + rules.skewSecondsMax * 1000
  if (iat * 1000 > aheadMs) return refused('token-invalid', 'The token was issued in the future.')
  if (nbf !== undefined && (!isCount(nbf) || nbf * 1000 > aheadMs))
    return refused('token-invalid', 'The token is not valid yet.')
  if (exp * 1000 <= rules.nowMs) return refused('token-expired', 'The token has expired.')
  return accepted({ iat, exp })
}
