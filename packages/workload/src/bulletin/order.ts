import type { BulletinChange, BulletinPosition, BulletinSnapshot } from '@pop-api/protocol'

/** What a follower has applied: a position, and the time (ms since 1970) at which control last said that it is the present one. */
export interface Applied extends BulletinPosition {
  readonly issued: number
}

/** Negative, zero or positive: epoch first, then sequence. */
export function comparePositions(one: BulletinPosition, other: BulletinPosition): number {
  return one.epoch - other.epoch || one.sequence - other.sequence
}

/** Accepted is a higher position, or the same one said later; anything lower is a replay (wire.md, bulletin). */
export function judgeSnapshot(applied: Applied | undefined, snapshot: BulletinSnapshot): 'apply' | 'lower' {
  if (applied === undefined) return 'apply'
  return comesAfter(applied, snapshot) ? 'apply' : 'lower'
}

/**
 * `apply` is the next change of this view, `beat` says that nothing changed, `gap` that one was missed (a new snapshot is
 * needed), `lower` is a replay.
 */
export function judgeChange(applied: Applied, change: BulletinChange): 'apply' | 'beat' | 'gap' | 'lower' {
  const order = comparePositions(change, applied)
  if (change.section === 'heartbeat') {
    if (order > 0) return 'gap'
    return comesAfter(applied, change) ? 'beat' : 'lower'
  }
  if (order <= 0) return 'lower'
  return change.epoch === applied.epoch && change.previous === applied.sequence ? 'apply' : 'gap'
}

function comesAfter(applied: Applied, said: Applied): boolean {
  const order = comparePositions(said, applied)
  return order > 0 || (order === 0 && said.issued > applied.issued)
}
