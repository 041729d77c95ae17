import { decodeBase64url } from '../encoding/base64url.ts'
import { isJsonObject, type JsonObject } from '../encoding/shape.ts'
import { parseStrictJson } from '../encoding/strict-json.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'

/** Where the three parts of a compact JWS meet. */
export interface CompactParts {
  /** Index of the first dot. */
  readonly headerEnd: number
  /** Index of the second dot. */
  readonly claimsEnd: number
}

/** Finds the three parts of a compact JWS (RFC 7515 section 7.1). Refuses with `token-malformed`. Untrusted input. */
export function splitCompact(token: string, charactersMax: number): Verdict<CompactParts> {
  if (token.length > charactersMax)
    return refused('token-malformed', `The token is longer than ${charactersMax} characters.`)
  const headerEnd = token.indexOf('.')
  const claimsEnd = headerEnd < 0 ? -1 : token.indexOf('.', headerEnd + 1)
  if (claimsEnd < 0 || token.includes('.', claimsEnd + 1))
    return refused('token-malformed', 'The token does not consist of exactly three parts.')
  return accepted({ headerEnd, claimsEnd })
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The JSON object in a part: canonical base64url of strict UTF-8 of strict JSON; undefined for everything else. Untrusted input. */
export function decodeObject(part: string): JsonObject | undefined {
  const bytes = decodeBase64url(part)
  if (bytes === undefined) return undefined
  const text = decodeUtf8(bytes)
  if (text === undefined) return undefined
  const parsed = parseStrictJson(text)
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    // TextDecoder has no other way to say that the bytes are not UTF-8.
    return undefined
  }
}
