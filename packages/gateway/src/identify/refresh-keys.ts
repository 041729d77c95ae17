import { setTimeout as wait } from 'node:timers/promises'
import type { KeySet } from './key-set.ts'

/** A key that the provider has dropped verifies nothing any more after that time. */
const refreshMs = 60_000
const retryMs = 5_000

/**
 * Keeps a key set fresh until the signal: every minute, and every five seconds while the provider cannot be asked. Resolves
 * after the first try, whatever came of it; `failed` is told of each that failed.
 */
export async function keepKeysFresh(
  keys: KeySet,
  signal: AbortSignal,
  failed: (failure: unknown) => void,
): Promise<void> {
  const fetched = await refetch(keys, failed)
  void repeat(fetched)

  async function repeat(first: boolean): Promise<void> {
    let succeeded = first
    while (!signal.aborted) {
      // An aborted wait rejects; the loop then ends by its condition.
      await wait(succeeded ? refreshMs : retryMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) succeeded = await refetch(keys, failed)
    }
  }
}

async function refetch(keys: KeySet, failed: (failure: unknown) => void): Promise<boolean> {
  try {
    await keys.refetch()
    return true
  } catch (failure) {
    failed(failure)
    return false
  }
}
