import { looksLikeTestToken, tokenCharactersMax, type JsonObject } from '@pop-api/protocol'
import { networkOf } from '../admit/network.ts'
import type { Received } from '../receive/received.ts'
import type { Revocations } from '../revoke/revocations.ts'
import type { Caller } from './caller.ts'
import type { Introspections } from './introspections.ts'
import { readIntrospected, type TokenRules } from './read-claims.ts'
import { stillHolding } from './still-holding.ts'
import { tokenError } from './token-error.ts'

/** The way to ask the provider about tokens. */
export interface IntrospectionDesk {
  readonly introspections: Introspections
  /** What the provider says of a token; undefined where that is no more than that it is not active. Rejects with 503. */
  readonly introspect: (token: string) => Promise<JsonObject | undefined>
  /** Takes one from the rate at which a network may have us ask, or throws `rate-limited`. */
  readonly limitAsking: (network: string, nowMs: number) => void
  readonly revocations: Pick<Revocations, 'cover'>
  readonly nowMs: () => number
}

/** From where a token came; undefined for one that the provider itself gave us. */
export type Asker = Pick<Received, 'address' | 'startedMs'> | undefined

/** RFC 6750 section 2.1. */
const tokenShape = /^[A-Za-z0-9._~+/-]+=*$/

/** True for a token that nobody but the provider can read: a JWS has dots. */
export function isOpaque(token: string): boolean {
  return !token.includes('.')
}

/**
 * Who a token is for by what the provider says of it, at once where it was asked a moment ago. Throws or rejects with 401 for one that
 * is not active or fails the checks of every token, 429 for a network that has us ask too often, 503 where the provider cannot be
 * asked. Untrusted input.
 */
export function introspectToken(
  token: string,
  rules: TokenRules,
  desk: IntrospectionDesk,
  asker: Asker,
): Caller | Promise<Caller> {
  const { introspections, introspect, limitAsking, revocations, nowMs } = desk
  if (token.length > tokenCharactersMax || !tokenShape.test(token))
    throw tokenError('token-malformed', 'The token is longer than any of ours, or has a character of no token.')
  const network = asker === undefined ? undefined : networkOf(asker.address)
  const caller = introspections.callerOf({
    token,
    rules,
    network,
    mayAsk: () => {
      if (asker !== undefined && network !== undefined) limitAsking(network, asker.startedMs)
    },
    ask: async () => {
      const answer = await introspect(token)
      if (answer === undefined)
        throw tokenError('token-invalid', 'The identity provider says that the token is not active.', 'inactive')
      return readIntrospected(token, answer, rules, nowMs())
    },
  })
  return caller instanceof Promise
    ? caller.then((found) => stillHolding(found, revocations, nowMs()))
    : stillHolding(caller, revocations, nowMs())
}

/** True for a token that this gateway is to ask about, by its settings. A test token is nothing that a provider knows. */
export function isToAskAbout(token: string, { verify }: TokenRules): boolean {
  return isOpaque(token) || (verify === 'introspect' && !looksLikeTestToken(token))
}
