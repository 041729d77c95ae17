import { PopError } from '@pop-api/protocol'

/** Uploads and streamed answers that are under way, of each caller. */
export interface Streams {
  /** Counts one more and gives what to call, once, when it has ended. Throws `rate-limited` for a caller that has its full number. */
  readonly begin: (subject: string) => () => void
}

/**
 * Counts streams. A rate does not bound them: each holds a connection to its module for as long as its client takes, and whoever
 * held all of those would keep everybody else out.
 */
export function countStreams(perCallerMax: number): Streams {
  const counts = new Map<string, number>()
  return {
    begin: (subject) => {
      const before = counts.get(subject) ?? 0
      if (before >= perCallerMax) {
        const detail = `At most ${perCallerMax} uploads and streamed answers of one caller may be under way.`
        throw new PopError('rate-limited', detail, { headers: { 'retry-after': '1' } })
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
