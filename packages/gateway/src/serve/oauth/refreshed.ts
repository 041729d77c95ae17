import { decodeBase64url, isCount, isJsonObject, isPlainText, parseStrictJson } from '@pop-api/protocol'
import type { Caller } from '../../identify/caller.ts'

/** What a refresh token says of itself; undefined where it is opaque. */
interface RefreshMarks {
  /** Seconds since 1970. */
  readonly iat: number | undefined
  readonly sid: string | undefined
}

/**
 * The caller of a refreshed token, as old as the refresh token that it came from: what was revoked since then is refused also while the
 * provider has not ended the session yet. The provider has accepted the refresh token this moment, so that what Keycloak writes into its
 * own is true. One that is opaque is as old as the sign-in behind it; where nobody says when that was, as old as can be.
 */
export function asOldAs(refreshToken: string, caller: Caller): Caller {
  const { iat, sid } = readMarks(refreshToken)
  const known = [iat, caller.authTime].filter((moment) => moment !== undefined)
  const named = caller.sid ?? sid
  const since = known.length === 0 ? 0 : Math.min(...known)
  return { ...caller, authTime: since, ...(named === undefined ? {} : { sid: named }) }
}

function readMarks(token: string): RefreshMarks {
  const [, payload = '', ...rest] = token.split('.')
  const parsed = rest.length === 1 ? parseStrictJson(decodeBase64url(payload)?.toString('utf8') ?? '') : undefined
  const { iat, sid } = parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : {}
  return { iat: isCount(iat) ? iat : undefined, sid: isPlainText(sid, 128) ? sid : undefined }
}
