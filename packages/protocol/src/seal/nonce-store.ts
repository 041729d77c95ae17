/** Nonces of the seals that were accepted, each kept as long as its seal could be accepted again. */
export interface NonceStore {
  /**
   * Remembers a nonce of a seal that ends at `expires` (seconds since 1970). `fresh` is the only answer with which a message may
   * be accepted; `known` is a replay; `full` means that nothing can be remembered now, and nothing is pushed out for it; `late`
   * that the store, having seen a later time, has forgotten what it knew of that second.
   */
  readonly remember: (nonce: string, expires: number, nowMs: number) => 'fresh' | 'known' | 'full' | 'late'
  readonly size: () => number
}

/** How much longer than its seal a nonce is kept, for a clock that is set back. */
const graceSeconds = 5

/** Makes a store of at most `entriesMax` nonces. Each is added and dropped once, in groups by second: O(1) amortised. */
export function createNonceStore(entriesMax: number): NonceStore {
  const known = new Set<string>()
  const bySecond = new Map<number, string[]>()
  let forgottenUpTo = 0
  return { remember, size: () => known.size }

  function remember(nonce: string, expires: number, nowMs: number): 'fresh' | 'known' | 'full' | 'late' {
    forget(Math.floor(nowMs / 1000))
    const second = expires + graceSeconds
    if (second <= forgottenUpTo) return 'late'
    if (known.has(nonce)) return 'known'
    if (known.size >= entriesMax) return 'full'
    known.add(nonce)
    const group = bySecond.get(second)
    if (group === undefined) bySecond.set(second, [nonce])
    else group.push(nonce)
    return 'fresh'
  }

  function forget(nowSecond: number): void {
    if (nowSecond <= forgottenUpTo) return
    for (const [second, nonces] of bySecond) {
      if (second > nowSecond) continue
      for (const nonce of nonces) known.delete(nonce)
      bySecond.delete(second)
    }
    forgottenUpTo = nowSecond
  }
}
