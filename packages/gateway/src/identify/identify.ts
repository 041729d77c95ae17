import { checkClaims, PopError, readJwsHeader, verifyJws, type JwsVerdict, type VerifiedJws } from '@pop-api/protocol'
import type { Routed } from '../route/route.ts'
import { readCaller, type Caller, type CallerRules } from './caller.ts'
import type { KeySet } from './key-set.ts'

declare const identifiedBrand: unique symbol

export interface Identified {
  readonly [identifiedBrand]: true
  readonly routed: Routed
  readonly caller: Caller
}

interface TokenRules extends CallerRules {
  readonly issuer: string
  readonly audience: string
  /** Largest accepted life of a token, in seconds. */
  readonly lifeSecondsMax: number
}

export interface Authenticator {
  readonly keys: KeySet
  readonly rules: TokenRules
  readonly nowMs: () => number
}

const rulesOfType = { types: ['at+jwt', 'JWT'] } as const
const bearerShape = /^bearer +([\u0021-\u007e]+)$/i
const challenge = { 'www-authenticate': 'Bearer realm="pop-api"' }
const sessionCookie = /(?:^|;) *__Host-pop-session=/

/**
 * Proves who is calling, by the one credential of the request. Refuses more than one with 400; none, or one that does not verify,
 * with 401; and with 503 what cannot be known now.
 */
export async function identify(routed: Routed, authenticator: Authenticator): Promise<Identified> {
  const { fields } = routed.received
  const authorization = fields.get('authorization')
  const others = Number(fields.has('x-api-key')) + Number(sessionCookie.test(fields.get('cookie') ?? ''))
  if (Number(authorization !== undefined) + others > 1)
    throw new PopError('ambiguous-credentials', 'The request carries more than one credential.')
  if (authorization === undefined) {
    const code = others > 0 ? 'credential-unsupported' : 'credential-missing'
    throw new PopError(code, 'This operation needs an access token.', { headers: challenge })
  }
  const token = bearerShape.exec(authorization)?.[1]
  if (token === undefined)
    throw new PopError('credential-unsupported', 'The field authorization must be "Bearer" and a token.', {
      headers: challenge,
    })
  const identified: Omit<Identified, symbol> = { routed, caller: await verifyToken(token, authenticator) }
  // Only this stage makes the brand.
  return identified as Identified
}

async function verifyToken(token: string, { keys, rules, nowMs }: Authenticator): Promise<Caller> {
  keys.assertFresh(nowMs())
  let jws = verify(token, keys)
  if (!jws.ok && jws.reason === 'unknown-key') {
    await keys.refetch()
    jws = verify(token, keys)
  }
  if (!jws.ok) throw tokenError(jws.reason === 'malformed' ? 'token-malformed' : 'token-invalid', jws.detail)
  const { claims, header } = jws.value
  // Keycloak types its access tokens by a claim; without it an ID or logout token has the same header.
  if (header.typ.toLowerCase() === 'jwt' && claims['typ'] !== 'Bearer')
    throw tokenError('token-invalid', 'The token is not an access token.')
  const { issuer, audience, lifeSecondsMax } = rules
  const times = checkClaims(claims, { issuer, audience, lifeSecondsMax, skewSecondsMax: 5, nowMs: nowMs() })
  if (!times.ok) throw tokenError(times.code === 'token-expired' ? 'token-expired' : 'token-invalid', times.detail)
  const caller = readCaller(claims, times.value, rules)
  if (caller === undefined) throw tokenError('token-invalid', 'The token lacks a claim, or one has another shape.')
  return caller
}

function verify(token: string, keys: KeySet): JwsVerdict<VerifiedJws> {
  const header = readJwsHeader(token, rulesOfType)
  return header.ok ? verifyJws(token, keys.find, rulesOfType) : header
}

function tokenError(code: 'token-malformed' | 'token-invalid' | 'token-expired', detail: string): PopError {
  return new PopError(code, detail, {
    headers: { 'www-authenticate': 'Bearer realm="pop-api", error="invalid_token"' },
  })
}
