import { PopError } from '@pop-api/protocol'

export interface RateLimit {
  readonly perSecond: number
  /** How many may come at once beyond the steady rate. */
  readonly burst: number
}

/** Takes one from the bucket of a key; gives 0, or after how many seconds to come again. */
export type Buckets = (key: string, nowMs: number) => number

const sharedKey = '*'
const sweepMs = 1000

/**
 * A generic cell rate algorithm in memory: one number a key, the time at which its bucket is empty again. `keysMax` bounds the memory;
 * at the bound the keys whose buckets are empty are dropped, at most once a second, and new keys share one bucket meanwhile.
 */
export function createBuckets(limit: RateLimit, keysMax: number): Buckets {
  const intervalMs = 1000 / limit.perSecond
  const toleranceMs = intervalMs * limit.burst
  const emptyAtMs = new Map<string, number>()
  let sweptAtMs = Number.NEGATIVE_INFINITY
  return (key, nowMs) => {
    if (!emptyAtMs.has(key) && emptyAtMs.size >= keysMax && nowMs - sweptAtMs >= sweepMs) sweep(nowMs)
    const bucket = emptyAtMs.has(key) || emptyAtMs.size < keysMax ? key : sharedKey
    const next = Math.max(emptyAtMs.get(bucket) ?? nowMs, nowMs) + intervalMs
    if (next - nowMs > toleranceMs + intervalMs) return Math.ceil((next - nowMs - toleranceMs) / 1000)
    emptyAtMs.set(bucket, next)
    return 0
  }

  function sweep(nowMs: number): void {
    sweptAtMs = nowMs
    for (const [key, empty] of emptyAtMs) if (empty <= nowMs) emptyAtMs.delete(key)
  }
}

/** The same as a refusal: throws `rate-limited` with `Retry-After`. */
export function createRateLimiter(limit: RateLimit, keysMax: number): (key: string, nowMs: number) => void {
  const take = createBuckets(limit, keysMax)
  return (key, nowMs) => {
    const seconds = take(key, nowMs)
    if (seconds > 0) {
      throw new PopError('rate-limited', `At most ${limit.perSecond} requests a second are accepted.`, {
        headers: { 'retry-after': String(seconds) },
      })
    }
  }
}
