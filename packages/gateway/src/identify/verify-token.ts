import { isCount, looksLikeTestToken, PopError, verifyJws, type JwsVerdict, type VerifiedJws } from '@pop-api/protocol'
import type { Caller } from './caller.ts'
import { introspectToken, isOpaque, isToAskAbout, type Asker, type IntrospectionDesk } from './introspect-token.ts'
import type { KeySet } from './key-set.ts'
import type { ProofRules } from './prove-holder.ts'
import { accessTokenTypes, readIntrospected, readSigned, type TokenRules } from './read-claims.ts'
import { stillHolding } from './still-holding.ts'
import { testCallerOf, type TestTokenRules } from './test-caller.ts'
import type { TokenCache } from './token-cache.ts'
import { tokenError, type TokenRefused } from './token-error.ts'

export interface Authenticator extends IntrospectionDesk, ProofRules {
  readonly keys: KeySet
  /** As `introspect`, for whoever asks at an endpoint and has shown nothing yet. */
  readonly introspectForStranger: IntrospectionDesk['introspect']
  /** The same object until the settings change. */
  readonly rules: () => TokenRules
  readonly cache: TokenCache
  readonly testTokens: () => TestTokenRules
}

/**
 * Who an access token is for, but not that it is the caller's: of one that is bound `identify` asks for that. Gives the caller at once
 * for a token that verified before and still holds. Throws or rejects with 401 for one that does not hold, 503 where that cannot be
 * known now. Untrusted input.
 */
export function verifyToken(token: string, authenticator: Authenticator, asker?: Asker): Caller | Promise<Caller> {
  const { keys, cache, nowMs } = authenticator
  const rules = authenticator.rules()
  const now = nowMs()
  const known = cache.find(token)
  if (known !== undefined && known.rules === rules && keys.find(known.key.kid) === known.key) {
    keys.assertFresh(now)
    return stillHolding(known.caller, authenticator.revocations, now)
  }
  if (isToAskAbout(token, rules)) return introspectToken(token, rules, authenticator, asker)
  const jws = verify(token, keys)
  // Those never come into the cache, and what they are worth is no matter of the provider's keys.
  if (!jws.ok && looksLikeTestToken(token)) return testCallerOf(token, authenticator)
  keys.assertFresh(now)
  if (!jws.ok && jws.reason === 'unknown-key')
    return keys.refetch().then(() => readVerified(token, verify(token, keys), rules, authenticator))
  return readVerified(token, jws, rules, authenticator)
}

function verify(token: string, keys: KeySet): JwsVerdict<VerifiedJws> {
  return verifyJws(token, keys.find, accessTokenTypes)
}

function readVerified(
  token: string,
  jws: JwsVerdict<VerifiedJws>,
  rules: TokenRules,
  { cache, revocations, nowMs }: Authenticator,
): Caller {
  if (!jws.ok) throw unverified(jws)
  const now = nowMs()
  const caller = readSigned(jws.value, rules, now)
  const holding = stillHolding(caller, revocations, now)
  cache.keep(token, { caller, key: jws.value.key, rules })
  return holding
}

function unverified({ reason, detail }: Extract<JwsVerdict<VerifiedJws>, { ok: false }>): TokenRefused {
  if (reason === 'malformed') return tokenError('token-malformed', detail)
  return tokenError('token-invalid', detail, reason === 'unknown-key' ? reason : 'signature')
}

/**
 * Whose token this is or was: also of one that has expired or was revoked, for whoever comes to end its session. Undefined for what
 * the provider never issued for us. Rejects with 503 where that cannot be known now. Untrusted input.
 */
export async function ownerOfToken(token: string, authenticator: Authenticator): Promise<Caller | undefined> {
  const { keys, rules, nowMs } = authenticator
  if (isOpaque(token)) return ownerOfOpaque(token, authenticator)
  if (looksLikeTestToken(token)) return unlessRefused(() => testCallerOf(token, authenticator))
  keys.assertFresh(nowMs())
  let jws = verify(token, keys)
  if (!jws.ok && jws.reason === 'unknown-key') {
    await keys.refetch()
    jws = verify(token, keys)
  }
  if (!jws.ok) return undefined
  const { value } = jws
  // A token that is for others too opens nothing here, but whoever comes to end it may do that.
  const claims = { ...value.claims, aud: oursAmong(value.claims['aud'], rules()) }
  return unlessRefused(() => readSigned({ ...value, claims }, rules(), momentOf(value.claims['exp'], nowMs())))
}

/** Of these the provider tells nothing once they have ended, and nothing is left to be ended then. */
async function ownerOfOpaque(token: string, authenticator: Authenticator): Promise<Caller | undefined> {
  const { introspectForStranger, rules, nowMs } = authenticator
  const answer = await introspectForStranger(token)
  if (answer === undefined) return undefined
  return unlessRefused(() => readIntrospected(token, answer, rules(), momentOf(answer['exp'], nowMs())))
}

function oursAmong(audience: unknown, { audience: ours }: TokenRules): unknown {
  return Array.isArray(audience) && audience.includes(ours) ? ours : audience
}

/** The last moment at which a token that has ended still held. */
function momentOf(exp: unknown, nowMs: number): number {
  return isCount(exp) ? Math.min(nowMs, exp * 1000 - 1) : nowMs
}

function unlessRefused(read: () => Caller): Caller | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof PopError && error.status === 401) return undefined
    throw error
  }
}
