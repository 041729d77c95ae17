import { PopError } from '@pop-api/protocol'

/** What callers have under way at modules. */
export interface InFlight {
  /** Counts one more of a caller and gives what to call, once, when it has ended. Throws `rate-limited` where it has its full number. */
  readonly begin: (subject: string) => () => void
}

/**
 * Counts what each caller has under way. A rate cannot bound that: an answer that its client reads slowly, or an upload that comes
 * slowly, holds a connection to the module for as long as it lasts, and whoever held all of them would keep everybody else out.
 */
export function countInFlight(perCallerMax: number): InFlight {
  const counts = new Map<string, number>()
  return {
    begin: (subject) => {
      const before = counts.get(subject) ?? 0
      if (before >= perCallerMax) {
        throw new PopError('rate-limited', `At most ${perCallerMax} requests of one caller may be under way.`, {
          headers: { 'retry-after': '1' },
        })
      }
      counts.set(subject, before + 1)
      return () => {
        const left = (counts.get(subject) ?? 1) - 1
        if (left === 0) counts.delete(subject)
        else counts.set(subject, left)
      }
    },
  }
}
