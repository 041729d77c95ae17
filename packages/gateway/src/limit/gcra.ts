import { PopError } from '@pop-api/protocol'

export interface RateLimit {
  readonly perSecond: number
  /** How many may come at once beyond the steady rate. */
  readonly burst: number
}

/**
 * A generic cell rate algorithm in memory: one number a key, the time at which its bucket is empty again. `keysMax` bounds the memory;
 * at the bound the keys whose buckets are empty are dropped, and if none is, new keys share one bucket.
 */
export function createRateLimiter(limit: RateLimit, keysMax: number): (key: string, nowMs: number) => void {
  const intervalMs = 1000 / limit.perSecond
  const toleranceMs = intervalMs * limit.burst
  const emptyAtMs = new Map<string, number>()
  return (key, nowMs) => {
    if (!emptyAtMs.has(key) && emptyAtMs.size >= keysMax) dropEmpty(nowMs)
    const bucket = emptyAtMs.has(key) || emptyAtMs.size < keysMax ? key : sharedKey
    const next = Math.max(emptyAtMs.get(bucket) ?? nowMs, nowMs) + intervalMs
    if (next - nowMs > toleranceMs + intervalMs) {
      const seconds = Math.ceil((next - nowMs - toleranceMs) / 1000)
      throw new PopError('rate-limited', `At most ${limit.perSecond} requests a second are accepted.`, {
        headers: { 'retry-after': String(seconds) },
      })
    }
    emptyAtMs.set(bucket, next)
  }

  function dropEmpty(nowMs: number): void {
    for (const [key, empty] of emptyAtMs) if (empty <= nowMs) emptyAtMs.delete(key)
  }
}

const sharedKey = '*'
