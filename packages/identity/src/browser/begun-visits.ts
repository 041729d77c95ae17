import { PopError } from '@pop-api/protocol'

/** What strangers begin here is kept until it has ended by itself: so much of it, and no more. */
export interface BegunVisits {
  /** Counts one more from an address. Throws `rate-limited`, with `Retry-After`, where there is no room or the address has had its share. */
  readonly begin: (address: string) => void
}

interface Limits {
  /** How long it is kept what a visit began. */
  readonly lifeMs: number
  readonly most: number
  /** Of one address. */
  readonly share: number
}

/** A visit costs a row of the database; on one machine everybody comes from one address. */
const limitsUnlessTold: Limits = { lifeMs: 15 * 60_000, most: 2_000, share: 1_000 }

/**
 * Counts in spans as long as a visit is kept, so that never more than two times `most` are there at once. `now` gives milliseconds
 * since 1970.
 */
export function limitVisits(now: () => number, { lifeMs, most, share }: Limits = limitsUnlessTold): BegunVisits {
  let span = -1
  let count = 0
  const byAddress = new Map<string, number>()
  return {
    begin(address) {
      const atMs = now()
      const present = Math.floor(atMs / lifeMs)
      if (present !== span) {
        span = present
        count = 0
        byAddress.clear()
      }
      const ofAddress = byAddress.get(address) ?? 0
      const waitSeconds = Math.ceil(((present + 1) * lifeMs - atMs) / 1000)
      if (ofAddress >= share) throw tooMany('from your address', waitSeconds)
      if (count >= most) throw tooMany('here', waitSeconds)
      count += 1
      byAddress.set(address, ofAddress + 1)
    },
  }
}

function tooMany(where: string, waitSeconds: number): PopError {
  const detail = `Too many sign-ins were begun ${where}: wait ${Math.ceil(waitSeconds / 60)} min at most.`
  return new PopError('rate-limited', detail, { headers: { 'retry-after': String(waitSeconds) } })
}
