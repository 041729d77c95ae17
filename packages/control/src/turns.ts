import type { PopError } from '@pop-api/protocol'

/**
 * Does a piece of work when none that came before is under way any more. Rejects, and does nothing, where that takes too long.
 */
export type InTurn = <R>(work: () => Promise<R>) => Promise<R>

/** What waits and then works is still answered within the ten seconds that a gateway waits. */
const waitMsUnlessTold = 1_000

/** Makes a row in which one piece of work is done after another. `busy` makes the refusal for what waited too long. */
export function createTurns(busy: () => PopError, waitMs = waitMsUnlessTold): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return async (work) => {
    const before = last
    const { promise: done, resolve } = Promise.withResolvers<void>()
    last = before.then(() => done)
    try {
      await within(before, waitMs, busy)
      return await work()
    } finally {
      resolve()
    }
  }
}

async function within(before: Promise<unknown>, waitMs: number, busy: () => PopError): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(busy()), waitMs)
  try {
    await Promise.race([before, late])
  } finally {
    clearTimeout(timer)
  }
}
