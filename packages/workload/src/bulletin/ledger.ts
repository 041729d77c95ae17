import {
  verifyBulletin,
  type BulletinChange,
  type BulletinPosition,
  type BulletinSections,
  type BulletinSnapshot,
  type KeyRecord,
  type SectionName,
} from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'

/**
 * What became of one JWS: `applied`; `fresh`, it says that nothing changed; `gap`, a change was missed and only a new snapshot helps;
 * `old`, it says less than is known, as a replay does.
 */
export type BulletinOutcome = 'applied' | 'fresh' | 'gap' | 'old'

/** The present bulletin of one audience: only what verified, only forwards (wire.md, bulletin). */
export interface BulletinLedger {
  /** Throws `bulletin-refused` for what does not verify with the pinned key, or is for another audience. */
  readonly apply: (jws: string) => BulletinOutcome
  readonly section: <S extends SectionName>(name: S) => BulletinSections[S] | undefined
  /** Undefined before the first snapshot. */
  readonly position: () => BulletinPosition | undefined
  /** Age of the last verified `issued`; infinite before the first snapshot. */
  readonly ageMs: (nowMs: number) => number
  /** Told after a section got another value. */
  readonly onChange: (listener: (section: SectionName) => void) => void
  /** What to keep on disk: applied in this order to an empty ledger, they give this one. The first is a snapshot. */
  readonly texts: () => readonly string[]
}

export function createBulletinLedger(key: KeyRecord, audience: string): BulletinLedger {
  let present: (BulletinPosition & { issued: number }) | undefined
  let sections: Partial<BulletinSections> = {}
  let texts: string[] = []
  let heartbeat: string | undefined
  const listeners: ((section: SectionName) => void)[] = []
  return {
    apply,
    section: (name) => sections[name],
    position: () => present && { epoch: present.epoch, sequence: present.sequence },
    ageMs: (nowMs) => (present === undefined ? Number.POSITIVE_INFINITY : Math.max(0, nowMs - present.issued)),
    onChange: (listener) => void listeners.push(listener),
    texts: () => (heartbeat === undefined ? texts : [...texts, heartbeat]),
  }

  function apply(jws: string): BulletinOutcome {
    const verdict = verifyBulletin(jws, key, { audience })
    if (!verdict.ok) throw new WorkloadError('bulletin-refused', `The bulletin was refused: ${verdict.detail}`)
    return 'sections' in verdict.value ? applySnapshot(verdict.value, jws) : applyChange(verdict.value, jws)
  }

  function applySnapshot(snapshot: BulletinSnapshot, jws: string): BulletinOutcome {
    if (present !== undefined) {
      const order = compare(snapshot, present)
      if (order < 0 || (order === 0 && snapshot.issued <= present.issued)) return 'old'
    }
    const before = sections
    sections = snapshot.sections
    texts = [jws]
    advance(snapshot)
    for (const name of sectionNames) if (JSON.stringify(before[name]) !== JSON.stringify(sections[name])) tell(name)
    return 'applied'
  }

  function applyChange(change: BulletinChange, jws: string): BulletinOutcome {
    if (present === undefined || change.epoch > present.epoch) return 'gap'
    if (change.epoch < present.epoch) return 'old'
    if (change.section === 'heartbeat') {
      if (change.sequence > present.sequence) return 'gap'
      if (change.sequence < present.sequence || change.issued <= present.issued) return 'old'
      advance(change)
      heartbeat = jws
      return 'fresh'
    }
    if (change.sequence <= present.sequence) return 'old'
    if (change.previous !== present.sequence) return 'gap'
    sections = { ...sections, [change.section]: change.value }
    texts = [...texts, jws]
    advance(change)
    tell(change.section)
    return 'applied'
  }

  function advance({ epoch, sequence, issued }: BulletinPosition & { readonly issued: number }): void {
    present = { epoch, sequence, issued: Math.max(issued, present?.issued ?? 0) }
    heartbeat = undefined
  }

  function tell(section: SectionName): void {
    for (const listener of listeners) listener(section)
  }
}

const sectionNames: readonly SectionName[] = ['trust', 'modules', 'policy', 'settings']

/** Epoch first: negative when `one` comes before `other`. */
function compare(one: BulletinPosition, other: BulletinPosition): number {
  return one.epoch - other.epoch || one.sequence - other.sequence
}
