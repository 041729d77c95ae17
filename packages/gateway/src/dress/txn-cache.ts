/** A minted Txn-Token, with what the logs call it. */
export interface Authorization {
  readonly txnToken: string
  readonly txn: string
  /** Id of the decision that it carries. */
  readonly decision: string
}

/** Txn-Tokens that may be used again. */
export interface TxnCache {
  /**
   * The token of an authorization that is the same in everything: `key` MUST hold every input of its claims, and `version` MUST be
   * another value after each change of policy or trust.
   */
  readonly reuse: (key: string, version: unknown, nowMs: number, mint: () => Authorization) => Authorization
}

/** wire.md, Txn-Token: for safe methods alone, and no longer than this. */
const reuseMsMax = 5_000

/** Remembers at most so many tokens, the oldest of which makes room. */
export function createTxnCache(tokensMax: number): TxnCache {
  const minted = new Map<string, { readonly authorization: Authorization; readonly untilMs: number }>()
  let present: unknown
  return {
    reuse: (key, version, nowMs, mint) => {
      if (version !== present) minted.clear()
      present = version
      const known = minted.get(key)
      // A clock that was set back must not stretch it.
      if (known !== undefined && nowMs < known.untilMs && known.untilMs - nowMs <= reuseMsMax)
        return known.authorization
      minted.delete(key)
      const authorization = mint()
      minted.set(key, { authorization, untilMs: nowMs + reuseMsMax })
      const [oldest] = minted.keys()
      if (minted.size > tokensMax && oldest !== undefined) minted.delete(oldest)
      return authorization
    },
  }
}
