import { PopError } from '@pop-api/protocol'

/** What is under way, of each caller. */
export interface Concurrency {
  /** Counts one more and gives what to call, once, when it has ended. Throws `rate-limited` where as many are under way as may be. */
  readonly begin: (subject: string) => () => void
}

export interface ConcurrencyLimits {
  readonly perCaller: number
  /** Of all callers together; without end unless told. */
  readonly all?: number
  /** What is counted, for the refusal. */
  readonly what: string
}

/**
 * Counts what holds a connection behind the gateway for as long as it takes. A rate does not bound that: whoever held all connections
 * would keep everybody else out.
 */
export function limitConcurrency({ perCaller, all = Infinity, what }: ConcurrencyLimits): Concurrency {
  const counts = new Map<string, number>()
  let total = 0
  return {
    begin: (subject) => {
      const before = counts.get(subject) ?? 0
      if (before >= perCaller) throw tooMany(`At most ${perCaller} ${what} of one caller may be under way.`)
      if (total >= all) throw tooMany(`At most ${all} ${what} may be under way.`)
      counts.set(subject, before + 1)
      total += 1
      return () => {
        const left = (counts.get(subject) ?? 1) - 1
        if (left === 0) counts.delete(subject)
        else counts.set(subject, left)
        total -= 1
      }
    },
  }
}

function tooMany(detail: string): PopError {
  return new PopError('rate-limited', detail, { headers: { 'retry-after': '1' } })
}
