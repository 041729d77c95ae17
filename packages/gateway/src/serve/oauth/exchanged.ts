import {
  decodeBase64url,
  isCount,
  isJsonObject,
  isPlainText,
  parseStrictJson,
  type JsonObject,
} from '@pop-api/protocol'
import type { Caller } from '../../identify/caller.ts'

/**
 * The caller of an exchanged token, with what its subject token said of itself: whatever is revoked of that one, be it the token, its key,
 * its session or its age, comes back by no exchange. The provider has accepted the subject token this moment, so that what it says is
 * true. What is no JWT says nothing, and the provider alone has judged it.
 */
export function asSubject(subjectToken: string, caller: Caller): Caller {
  const [head = '', payload = '', ...rest] = subjectToken.split('.')
  if (rest.length !== 1) return caller
  const { kid } = read(head)
  const { jti, sid, iat, auth_time: authTime } = read(payload)
  return {
    ...caller,
    ...(isPlainText(kid, 256) ? { kid } : {}),
    ...(isPlainText(jti, 128) ? { jti } : {}),
    ...(isPlainText(sid, 128) ? { sid } : {}),
    ...(isCount(iat) ? { iat } : {}),
    ...(isCount(authTime) ? { authTime } : {}),
  }
}

function read(part: string): JsonObject {
  const parsed = parseStrictJson(decodeBase64url(part)?.toString('utf8') ?? '')
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
}
