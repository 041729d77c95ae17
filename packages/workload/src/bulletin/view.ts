import type { BulletinChange, BulletinSections, BulletinSnapshot, SectionName } from '@pop-api/protocol'
import { comparePositions, type Applied } from './order.ts'

/** A verified message of the bulletin, with the JWS that proves it. */
export interface Proved<T> {
  readonly claims: T
  readonly jws: string
}

/** What a follower knows: the sections, and for each the JWS it came in, so that the file on disk proves itself. */
export interface View {
  readonly applied: Applied
  readonly sections: Partial<BulletinSections>
  readonly snapshot: Proved<BulletinSnapshot>
  /** The last change of each section since the snapshot. */
  readonly changes: ReadonlyMap<SectionName, Proved<BulletinChange>>
  readonly heartbeat: Proved<BulletinChange> | undefined
}

export function viewOfSnapshot(snapshot: Proved<BulletinSnapshot>): View {
  const { epoch, sequence, issued, sections } = snapshot.claims
  return { applied: { epoch, sequence, issued }, sections, snapshot, changes: new Map(), heartbeat: undefined }
}

/** The view after a change of it, or after a heartbeat. The caller has judged the order. */
export function viewAfter(view: View, change: Proved<BulletinChange>): View {
  const { epoch, sequence, issued } = change.claims
  const applied = { epoch, sequence, issued }
  if (change.claims.section === 'heartbeat') return { ...view, applied, heartbeat: change }
  const { section, value } = change.claims
  const changes = new Map(view.changes).set(section, change)
  return { ...view, applied, sections: { ...view.sections, [section]: value }, changes, heartbeat: undefined }
}

/**
 * The JWS that proves the position of a view: control believes that somebody is ahead of it only with its own signature. A heartbeat
 * is preferred, because it is small whatever the bulletin has grown to.
 */
export function proofOf(view: View): string {
  if (view.heartbeat !== undefined) return view.heartbeat.jws
  const last = [...view.changes.values()].find(({ claims }) => comparePositions(claims, view.applied) === 0)
  return last?.jws ?? view.snapshot.jws
}
