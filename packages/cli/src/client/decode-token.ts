import { decodeBase64url, isJsonObject, isTextList, parseStrictJson, type JsonObject } from '@pop-api/protocol'

/** What a token says about itself. Nothing of it was verified. */
interface DecodedToken {
  readonly header: JsonObject
  readonly claims: JsonObject
}

export type DecodedTokenResult =
  | ({ readonly ok: true } & DecodedToken)
  | { readonly ok: false; readonly reason: string }

/** Reads header and claims of a compact JWS (RFC 7515 section 3.1) without verifying anything. Untrusted input. */
export function decodeToken(token: string): DecodedTokenResult {
  const parts = token.split('.')
  const [header, claims] = [parts[0], parts[1]].map((part) => objectOf(part ?? ''))
  if (parts.length !== 3) return { ok: false, reason: `a JWT has three parts between dots, this has ${parts.length}` }
  if (header === undefined) return { ok: false, reason: 'its header is not one JSON object in base64url' }
  if (claims === undefined) return { ok: false, reason: 'its claims are not one JSON object in base64url' }
  return { ok: true, header, claims }
}

/** Who a token speaks of, by its own words: for showing, never for deciding. */
export interface TokenHolder {
  readonly name: string
  readonly subject: string
  readonly roles: readonly string[]
  /** `pop-mfa` after a second factor. */
  readonly acr: string | undefined
}

/** Reads the holder from an access token; what it does not say is `-` or empty. */
export function holderOf(token: string): TokenHolder {
  const decoded = decodeToken(token)
  const { preferred_username: name, azp, sub, roles, acr } = decoded.ok ? decoded.claims : {}
  const texts = [name, azp, sub].filter((value) => typeof value === 'string')
  return {
    name: texts[0] ?? '-',
    subject: typeof sub === 'string' ? sub : '-',
    roles: isTextList(roles, 200, 128) ? roles : [],
    acr: typeof acr === 'string' ? acr : undefined,
  }
}

function objectOf(part: string): JsonObject | undefined {
  const text = decodeBase64url(part)?.toString('utf8')
  const parsed = text === undefined ? undefined : parseStrictJson(text)
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined
}
