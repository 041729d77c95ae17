import {
  isCount,
  isJsonObject,
  isPlainText,
  isTextList,
  testIssuer,
  type JsonObject,
  type TxnMaker,
} from '@pop-api/protocol'
import { readBinding, type Binding } from './binding.ts'

/** Who is asking, as a verified credential says. `subject` has a name space that no claim can choose. */
export interface Caller {
  /** `user:<id>` or `client:<client_id>`. */
  readonly subject: string
  /** Readable, for logs only. */
  readonly name: string
  readonly clientId: string
  readonly roles: readonly string[]
  /** Module permissions in the token: flat ones, and those of `resource_access`. */
  readonly permissions: readonly string[]
  readonly secondFactor: 'proven' | 'exempt' | 'missing'
  readonly sid?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly jti: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
  /** When whoever holds the session signed in, where the token says it; seconds since 1970. */
  readonly authTime?: number
  /** Who issued the token. */
  readonly issuer: string
  /** The key that signed it; undefined where it is no token that is signed. */
  readonly kid?: string
  /** What the token is bound to: `identify` asks for it at every request. */
  readonly binding?: Binding
  /** It came with a test token: nobody whom the provider knows. */
  readonly testToken?: true
  /** Of a test token: who made it. It ends with whatever ends theirs. */
  readonly maker?: TxnMaker
}

export interface CallerRules {
  /** client_id → recorded subject of its service account: only these pass without a second factor. */
  readonly serviceClients: ReadonlyMap<string, string>
}

const subjectShape = /^[\u0021-\u007e]{1,200}$/

/** Reads the claims of a verified access token; undefined if one that we act on is missing or has another shape. */
export function readCaller(
  claims: JsonObject,
  times: { readonly iat: number; readonly exp: number },
  rules: CallerRules,
): Caller | undefined {
  const { sub, iss, jti, azp, sid, acr, amr, auth_time: authTime, cnf } = claims
  if (
    typeof sub !== 'string' ||
    !subjectShape.test(sub) ||
    // These names are of test tokens alone, whatever a provider calls its users.
    sub.startsWith(testIssuer) ||
    !isPlainText(jti, 128) ||
    typeof azp !== 'string' ||
    !subjectShape.test(azp) ||
    typeof iss !== 'string' ||
    !(authTime === undefined || isCount(authTime))
  )
    return undefined
  const roles = claims['roles'] ?? []
  if (!isTextList(roles, 200, 128)) return undefined
  const permissions = readPermissions(claims)
  if (permissions === undefined) return undefined
  const binding = cnf === undefined ? undefined : readBinding(cnf)
  // Bound to what we do not know, it would pass as one that anybody may use.
  if (cnf !== undefined && binding === undefined) return undefined
  const service = rules.serviceClients.get(azp) === sub
  return {
    subject: service ? `client:${azp}` : `user:${sub}`,
    name: isPlainText(claims['preferred_username'], 128) ? claims['preferred_username'] : service ? azp : sub,
    clientId: azp,
    roles,
    permissions,
    secondFactor: service ? 'exempt' : acr === 'pop-mfa' || showsBoth(amr) ? 'proven' : 'missing',
    jti,
    ...times,
    issuer: iss,
    ...(authTime === undefined ? {} : { authTime }),
    ...(isPlainText(sid, 128) ? { sid } : {}),
    ...(isPlainText(acr, 64) ? { acr } : {}),
    ...(isTextList(amr, 8, 32) ? { amr } : {}),
    ...(binding === undefined ? {} : { binding }),
  }
}

/** What a service got for a token of a user says no level any more, but still by which methods that user has signed in (RFC 8176). */
function showsBoth(amr: unknown): boolean {
  return Array.isArray(amr) && amr.includes('pwd') && amr.includes('otp')
}

function readPermissions(claims: JsonObject): readonly string[] | undefined {
  const flat = claims['permissions'] ?? []
  const access = claims['resource_access'] ?? {}
  if (!isTextList(flat, 500, 128) || !isJsonObject(access)) return undefined
  const permissions = new Set(flat)
  for (const entry of Object.values(access)) {
    const roles = isJsonObject(entry) ? (entry['roles'] ?? []) : undefined
    if (!isTextList(roles, 500, 128)) return undefined
    for (const role of roles) permissions.add(role)
  }
  return [...permissions]
}
