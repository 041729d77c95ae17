import type { KeyRecord } from '@pop-api/protocol'
import type { Caller } from './caller.ts'

/** What a verified token said, and everything that this rested on. */
interface KnownToken {
  readonly caller: Caller
  /** The record that verified it: a key that the provider took away verifies nothing any more. */
  readonly key: KeyRecord
  /** The rules object that it passed: other settings make another object. */
  readonly rules: object
}

/** Tokens that verified. The key is the exact text of the token; whether one still holds is asked at each use. */
export interface TokenCache {
  readonly find: (token: string) => KnownToken | undefined
  readonly keep: (token: string, known: KnownToken) => void
}

/** Makes a cache of at most `tokensMax` tokens; the one that was kept longest ago makes room. Only tokens that verified go in. */
export function createTokenCache(tokensMax: number): TokenCache {
  const tokens = new Map<string, KnownToken>()
  return {
    find: (token) => tokens.get(token),
    keep: (token, known) => {
      if (tokensMax < 1) return
      tokens.delete(token)
      if (tokens.size >= tokensMax) {
        const [oldest] = tokens.keys()
        if (oldest !== undefined) tokens.delete(oldest)
      }
      tokens.set(token, known)
    },
  }
}
