import { setTimeout as delay } from 'node:timers/promises'
import { PopError } from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'
import { backoffMs } from './backoff.ts'

/** Waits; true when the time is over, false when `signal` ended it first. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  try {
    await delay(ms, undefined, { signal, ref: false })
    return true
  } catch {
    // The only error of a timer is its abortion, which is the false of the contract.
    return false
  }
}

/** True for a failure that may be gone at the next try: control is not up, or answers with a 5xx. */
export function isPassing(error: unknown): boolean {
  if (error instanceof PopError) return error.status >= 500
  return error instanceof WorkloadError && error.code === 'control-unavailable'
}

/** Repeats `action` with jittered pauses while its failures are passing ones, for at most `patienceMs`; then throws the last. */
export async function persist<T>(action: () => Promise<T>, patienceMs: number, random: () => number): Promise<T> {
  const startedMs = performance.now()
  for (let attempt = 0; ; attempt++) {
    try {
      return await action()
    } catch (error) {
      const pauseMs = backoffMs(attempt, random)
      if (!isPassing(error) || performance.now() - startedMs + pauseMs > patienceMs) throw error
      await delay(pauseMs)
    }
  }
}
