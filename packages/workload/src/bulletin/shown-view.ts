import { isDeepStrictEqual } from 'node:util'
import type { BulletinPosition, BulletinSections, SectionName } from '@pop-api/protocol'
import { latestOnly } from './latest-only.ts'
import { comparePositions } from './order.ts'
import type { View } from './view.ts'

/** The present bulletin of one follower. */
export interface Bulletin {
  readonly section: <S extends SectionName>(name: S) => BulletinSections[S] | undefined
  readonly position: () => BulletinPosition
  /** Since control last said that this is the present bulletin; counted from the verified `issued`, also over restarts. */
  readonly ageMs: () => number
  /** Called after a section changed, once for each; gives the way to stop. What it throws is told and not reported as applied. */
  readonly onChange: (listener: (section: SectionName) => void) => () => void
}

export interface ShownViewOptions {
  readonly nowMs: () => number
  readonly keep: (view: View) => Promise<void>
  readonly report: (position: BulletinPosition) => Promise<void>
  readonly onProblem: (problem: unknown) => void
}

/** The view that is in force, and everybody who has to learn of another: listeners, the disk, control. */
export interface ShownView {
  readonly bulletin: Bulletin
  readonly present: () => View | undefined
  readonly show: (next: View) => void
  /** Writes the present view once more and waits until it and the last report are through. */
  readonly settle: () => Promise<void>
}

/** A heartbeat that changes nothing is written this often: after a restart the age is at most this much too high. */
const keepHeartbeatMs = 15_000

/** Makes the holder of a view, beginning with what was kept on disk. */
export function createShownView(kept: View | undefined, options: ShownViewOptions): ShownView {
  const { nowMs, onProblem } = options
  const listeners = new Set<(section: SectionName) => void>()
  const keep = latestOnly(options.keep, onProblem)
  const report = latestOnly(options.report, onProblem)
  let view = kept
  let keptAtMs = 0
  return {
    present: () => view,
    show: (next) => {
      const before = view
      view = next
      const moved = before === undefined || comparePositions(next.applied, before.applied) !== 0
      if (moved || nowMs() - keptAtMs >= keepHeartbeatMs) {
        keptAtMs = nowMs()
        keep.want(next)
      }
      const applied = tell(listeners, changedSections(before?.sections ?? {}, next.sections), onProblem)
      if (applied && moved) report.want(next.applied)
    },
    settle: async () => {
      if (view !== undefined) keep.want(view)
      await Promise.all([keep.settled(), report.settled()])
    },
    bulletin: {
      section: (name) => view?.sections[name],
      position: () => ({ epoch: view?.applied.epoch ?? 0, sequence: view?.applied.sequence ?? 0 }),
      ageMs: () => Math.max(0, nowMs() - (view?.applied.issued ?? 0)),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  }
}

/** Tells everybody of every changed section; false when somebody could not apply one. */
function tell(
  listeners: ReadonlySet<(section: SectionName) => void>,
  changed: readonly SectionName[],
  onProblem: (problem: unknown) => void,
): boolean {
  let applied = true
  for (const section of changed) {
    for (const listener of listeners) {
      try {
        listener(section)
      } catch (problem) {
        applied = false
        onProblem(problem)
      }
    }
  }
  return applied
}

function changedSections(before: Partial<BulletinSections>, after: Partial<BulletinSections>): SectionName[] {
  // Both come from verified bulletins, whose members are section names and nothing else.
  const names = Object.keys({ ...before, ...after }) as SectionName[]
  return names.filter((name) => before[name] !== after[name] && !isDeepStrictEqual(before[name], after[name]))
}
