import { backoffMs } from '../http/backoff.ts'
import { pause } from '../http/wait.ts'

/** A stretch of time in ms since 1970 in which something holds. */
export interface Life {
  readonly obtainedMs: number
  readonly endMs: number
}

export interface RenewalOptions {
  readonly nowMs: () => number
  /** 0 ≤ x < 1 */
  readonly random: () => number
  readonly onProblem: (problem: unknown) => void
}

const retry = { firstMs: 1_000, mostMs: 60_000 } as const
/** The longest time that a timer of Node can wait. */
const timerMsMax = 2 ** 31 - 1

/** When to renew: at half life ± 10 % of the life (wire.md, certificate), so that a fleet does not come all at once. */
export function renewalMs({ obtainedMs, endMs }: Life, random: number): number {
  return Math.round(obtainedMs + (endMs - obtainedMs) * (0.4 + random * 0.2))
}

/**
 * Renews again and again until `signal` ends it. `renew` gives the life of what it obtained; its failures are told and tried
 * again with jittered pauses.
 */
export async function keepRenewing(
  present: Life,
  renew: () => Promise<Life>,
  options: RenewalOptions,
  signal: AbortSignal,
): Promise<void> {
  const { nowMs, random, onProblem } = options
  let life = present
  let dueMs = renewalMs(life, random())
  for (let failures = 0; ;) {
    const waitMs = Math.min(Math.max(dueMs - nowMs(), 0), timerMsMax)
    if (!(await pause(waitMs, signal))) return
    if (nowMs() < dueMs) continue
    try {
      life = await renew()
      failures = 0
      dueMs = renewalMs(life, random())
    } catch (problem) {
      onProblem(problem)
      dueMs = nowMs() + backoffMs(failures++, random, retry)
    }
  }
}
