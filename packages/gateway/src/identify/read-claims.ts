import {
  checkClaims,
  decodeBase64url,
  isJsonObject,
  isPlainText,
  parseStrictJson,
  readJwsHeader,
  type JsonObject,
  type VerifiedJws,
} from '@pop-api/protocol'
import { readCaller, type Caller, type CallerRules } from './caller.ts'
import { tokenError } from './token-error.ts'

/** What access tokens must say, by the settings. */
export interface TokenRules extends CallerRules {
  readonly issuer: string
  readonly audience: string
  /** Largest accepted life of a token, in seconds. */
  readonly lifeSecondsMax: number
  /** The longest that was in force since this gateway started: a token that is too old for a shorter one is taken again after it. */
  readonly lifeSecondsEver: number
  /** `introspect`: the provider is asked about every token, not only about those that are no JWT. */
  readonly verify: 'jwt' | 'introspect'
}

/** Values of the header `typ` of an access token. */
export const accessTokenTypes = { types: ['at+jwt', 'JWT'] } as const

/** What a token says whose signature is right, if it was good at that time. Throws with 401. */
export function readSigned({ claims, header }: VerifiedJws, rules: TokenRules, nowMs: number): Caller {
  // Keycloak types its access tokens by a claim; without it an ID or logout token has the same header.
  if (header.typ.toLowerCase() === 'jwt' && !isAccessKind(claims)) throw otherKind()
  return { ...readAt(claims, rules, nowMs), kid: header.kid }
}

/**
 * What the provider said of a token that it calls active (RFC 7662 section 2.2): the same claims, and checked alike, for it answers
 * about refresh tokens and tokens of others too. Throws with 401.
 */
export function readIntrospected(token: string, answer: JsonObject, rules: TokenRules, nowMs: number): Caller {
  const header = readJwsHeader(token, accessTokenTypes)
  // What is no JWS at all is opaque. One of another type is no access token, whatever the provider knows of it.
  if (!header.ok && header.reason !== 'malformed') throw otherKind()
  const { token_type: type, client_id: clientId } = answer
  const kind = answer['typ'] ?? kinds.get(String(type).toLowerCase())
  if (!isAccessKind({ ...answer, typ: kind })) throw otherKind()
  const caller = readAt({ ...(header.ok ? methodsIn(token, answer) : {}), azp: clientId, ...answer }, rules, nowMs)
  return header.ok ? { ...caller, kid: header.value.kid } : caller
}

/**
 * How the user signed in (RFC 8176), from the token itself: Keycloak leaves `amr` out of its answer. The provider has called active
 * exactly this text, so it has verified the signature over these claims; they must be those that it speaks of.
 */
function methodsIn(token: string, answer: JsonObject): JsonObject {
  const [, part = ''] = token.split('.')
  const said = parseStrictJson(decodeBase64url(part)?.toString('utf8') ?? '')
  if (!said.ok || !isJsonObject(said.value) || !isPlainText(answer['jti'], 128)) return {}
  return said.value['jti'] === answer['jti'] ? { amr: said.value['amr'] } : {}
}

/** `token_type` in lower case → the claim `typ` of the same meaning. */
const kinds: ReadonlyMap<string, string> = new Map([
  ['bearer', 'Bearer'],
  ['dpop', 'DPoP'],
])

function isAccessKind({ typ, cnf }: JsonObject): boolean {
  // Keycloak says so of a token that is bound to a key, and then it must be bound to one.
  return typ === 'Bearer' || (typ === 'DPoP' && isJsonObject(cnf) && cnf['jkt'] !== undefined)
}

function readAt(claims: JsonObject, rules: TokenRules, nowMs: number): Caller {
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

function otherKind() {
  return tokenError('token-invalid', 'The token is not an access token.', 'kind')
}
