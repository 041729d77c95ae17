/** Tries that are under way at the provider, by whatever they count under. */
export interface Tries {
  /**
   * Begins a try once so few are under way that all of them may fail: until then it waits for another to end. False where `left` says
   * that no failure is left. Whoever got true calls `end` afterwards.
   */
  readonly begin: (key: string, left: () => number) => Promise<boolean>
  readonly end: (key: string) => void
}

interface UnderWay {
  count: number
  changed: PromiseWithResolvers<void>
}

/** Makes it; nothing is under way. */
export function countTries(): Tries {
  const underWay = new Map<string, UnderWay>()
  return {
    begin: async (key, left) => {
      for (;;) {
        const free = left()
        if (free <= 0) return false
        const others = underWay.get(key)
        if (others === undefined) {
          underWay.set(key, { count: 1, changed: Promise.withResolvers() })
          return true
        }
        if (others.count < free) {
          others.count++
          return true
        }
        await others.changed.promise
      }
    },
    end: (key) => {
      const present = underWay.get(key)
      if (present === undefined) return
      present.count--
      if (present.count === 0) underWay.delete(key)
      present.changed.resolve()
      present.changed = Promise.withResolvers()
    },
  }
}
