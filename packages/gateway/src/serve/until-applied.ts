import type { BulletinPosition } from '@pop-api/protocol'
import type { Bulletin } from '@pop-api/workload'

/** How long an answer waits for the bulletin: what was done is done, and arrives a little later then. */
const patienceMs = 2_000

/** Resolves once the bulletin has reached a position, or after two seconds without it. */
export async function untilApplied(
  bulletin: Pick<Bulletin, 'position' | 'onChange'>,
  wanted: BulletinPosition,
): Promise<void> {
  const hasReached = (): boolean => {
    const { epoch, sequence } = bulletin.position()
    return epoch > wanted.epoch || (epoch === wanted.epoch && sequence >= wanted.sequence)
  }
  if (hasReached()) return
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  const forget = bulletin.onChange(() => {
    if (hasReached()) resolve()
  })
  const timer = setTimeout(resolve, patienceMs)
  await reached
  clearTimeout(timer)
  forget()
}
