import {
  checkClaims,
  isCount,
  looksLikeTestToken,
  PopError,
  verifyJws,
  type JwsVerdict,
  type VerifiedJws,
} from '@pop-api/protocol'
import type { Revocations } from '../revoke/revocations.ts'
import { readCaller, type Caller, type CallerRules } from './caller.ts'
import { stillHolding } from './still-holding.ts'
import type { KeySet } from './key-set.ts'
import { testCallerOf, type TestTokenRules } from './test-caller.ts'
import type { TokenCache } from './token-cache.ts'
import { tokenError, type TokenRefused } from './token-error.ts'

interface TokenRules extends CallerRules {
  readonly issuer: string
  readonly audience: string
  /** Largest accepted life of a token, in seconds. */
  readonly lifeSecondsMax: number
}

export interface Authenticator {
  readonly keys: KeySet
  /** The same object until the settings change. */
  readonly rules: () => TokenRules
  readonly cache: TokenCache
  readonly revocations: Revocations
  readonly testTokens: () => TestTokenRules
  readonly nowMs: () => number
}

const rulesOfType = { types: ['at+jwt', 'JWT'] } as const

/**
 * Who an access token is for. Gives the caller at once for a token that verified before and still holds. Throws or rejects with
 * 401 for one that does not hold, 503 where that cannot be known now. Untrusted input.
 */
export function verifyToken(token: string, authenticator: Authenticator): Caller | Promise<Caller> {
  const { keys, cache, nowMs } = authenticator
  const rules = authenticator.rules()
  const now = nowMs()
  const known = cache.find(token)
  if (known !== undefined && known.rules === rules && keys.find(known.key.kid) === known.key) {
    keys.assertFresh(now)
    return stillHolding(known.caller, authenticator.revocations, now)
  }
  const jws = verify(token, keys)
  // Those never come into the cache, and what they are worth is no matter of the provider's keys.
  if (!jws.ok && looksLikeTestToken(token)) return testCallerOf(token, authenticator)
  keys.assertFresh(now)
  if (!jws.ok && jws.reason === 'unknown-key')
    return keys.refetch().then(() => readVerified(token, verify(token, keys), rules, authenticator))
  return readVerified(token, jws, rules, authenticator)
}

function verify(token: string, keys: KeySet): JwsVerdict<VerifiedJws> {
  return verifyJws(token, keys.find, rulesOfType)
}

function readVerified(
  token: string,
  jws: JwsVerdict<VerifiedJws>,
  rules: TokenRules,
  { cache, revocations, nowMs }: Authenticator,
): Caller {
  if (!jws.ok) throw unverified(jws)
  const now = nowMs()
  const caller = readAt(jws.value, rules, now)
  const holding = stillHolding(caller, revocations, now)
  cache.keep(token, { caller, key: jws.value.key, rules })
  return holding
}

function unverified({ reason, detail }: Extract<JwsVerdict<VerifiedJws>, { ok: false }>): TokenRefused {
  if (reason === 'malformed') return tokenError('token-malformed', detail)
  return tokenError('token-invalid', detail, reason === 'unknown-key' ? reason : 'signature')
}

/** What a token says whose signature is right, if it was good at that time. */
function readAt({ claims, header }: VerifiedJws, rules: TokenRules, nowMs: number): Caller {
  // Keycloak types its access tokens by a claim; without it an ID or logout token has the same header.
  if (header.typ.toLowerCase() === 'jwt' && claims['typ'] !== 'Bearer')
    throw tokenError('token-invalid', 'The token is not an access token.', 'kind')
  const { issuer, audience, lifeSecondsMax } = rules
  const times = checkClaims(claims, { issuer, audience, lifeSecondsMax, skewSecondsMax: 5, nowMs })
  if (!times.ok) {
    if (times.code === 'token-expired') throw tokenError('token-expired', times.detail)
    const fault = claims['iss'] !== issuer ? 'issuer' : claims['aud'] !== audience ? 'audience' : 'times'
    throw tokenError('token-invalid', times.detail, fault)
  }
  const caller = readCaller(claims, times.value, rules)
  if (caller === undefined)
    throw tokenError('token-invalid', 'The token lacks a claim, or one has another shape.', 'claims')
  return caller
}

/**
 * Whose token this is or was: also of one that has expired or was revoked, for whoever comes to end its session. Undefined for what
 * the provider never issued for us. Rejects with 503 where that cannot be known now. Untrusted input.
 */
export async function ownerOfToken(token: string, authenticator: Authenticator): Promise<Caller | undefined> {
  const { keys, rules, nowMs } = authenticator
  if (looksLikeTestToken(token)) return unlessRefused(() => testCallerOf(token, authenticator))
  keys.assertFresh(nowMs())
  let jws = verify(token, keys)
  if (!jws.ok && jws.reason === 'unknown-key') {
    await keys.refetch()
    jws = verify(token, keys)
  }
  if (!jws.ok) return undefined
  const { exp } = jws.value.claims
  const at = isCount(exp) ? Math.min(nowMs(), exp * 1000 - 1) : nowMs()
  const { value } = jws
  return unlessRefused(() => readAt(value, rules(), at))
}

function unlessRefused(read: () => Caller): Caller | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof PopError && error.status === 401) return undefined
    throw error
  }
}
