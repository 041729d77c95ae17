/** How long the provider takes to say no, so that a refusal of ours takes as long. Milliseconds. */
export interface RefusalPace {
  readonly note: (tookMs: number) => void
  /** One of the last refusals, at random; before the first a guess. */
  readonly present: () => number
}

const keptMax = 16
/** Of the embedded provider, as of Keycloak: both hash the password for it. */
const guessMs = 100
/** A provider that was slow once shall not be a way to hold many connections here. */
const longestMs = 2_000

/** Makes it; `random` gives numbers from 0 to below 1. */
export function keepRefusalPace(random: () => number): RefusalPace {
  const kept: number[] = []
  return {
    note: (tookMs) => {
      kept.push(Math.min(tookMs, longestMs))
      if (kept.length > keptMax) kept.shift()
    },
    present: () => kept[Math.floor(random() * kept.length)] ?? guessMs,
  }
}
