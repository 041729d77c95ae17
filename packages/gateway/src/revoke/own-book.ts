import { shareOf, type BulletinPosition, type Revocation } from '@pop-api/protocol'
import type { OwnLine } from './own-line.ts'
import { createWaitingLine, type WaitingLine } from './waiting-line.ts'

/** A revocation of this gateway. */
interface Entry {
  readonly revocation: Revocation
  /** Where the bulletin carries it; undefined while it waits for control. */
  readonly told: BulletinPosition | undefined
}

/** What the lines of `revocations.jsonl` come to. */
export interface OwnBook {
  readonly entries: ReadonlyMap<string, Entry>
  /** Those that control has not acknowledged. */
  readonly waiting: Pick<WaitingLine, 'all' | 'hasFresh' | 'postpone'>
  /** How many take part of this share (`shareOf`). */
  readonly countOf: (share: string) => number
  /** Messages that were used, and when they end by themselves. */
  readonly used: ReadonlyMap<string, number>
  readonly apply: (line: OwnLine) => void
  /** Forgets that a message was used. */
  readonly release: (once: string) => void
  /** Drops what has ended. */
  readonly sweep: (nowSeconds: number) => void
  readonly revocations: () => Generator<Revocation>
  /** The fewest lines that come to the same. */
  readonly lines: () => Generator<OwnLine>
}

/** Makes an empty book. */
export function createOwnBook(): OwnBook {
  const entries = new Map<string, Entry>()
  const waiting = createWaitingLine()
  const used = new Map<string, number>()
  const counts = new Map<string, number>()
  const count = (revocation: Revocation, more: 1 | -1): void => {
    const share = shareOf(revocation)
    if (share === undefined) return
    const left = (counts.get(share) ?? 0) + more
    if (left === 0) counts.delete(share)
    else counts.set(share, left)
  }
  const book: OwnBook = {
    entries,
    waiting,
    used,
    countOf: (share) => counts.get(share) ?? 0,
    apply: (line) => {
      if ('revocation' in line) {
        const { revocation } = line
        const before = entries.get(revocation.id)?.revocation
        if (before === undefined) count(revocation, 1)
        // Whoever said it first: by another account it would be part of another share.
        const longest =
          before === undefined ? revocation : { ...before, until: Math.max(before.until, revocation.until) }
        entries.set(revocation.id, { revocation: longest, told: undefined })
        waiting.put(longest)
      } else if ('told' in line) {
        const { told: id, epoch, sequence } = line
        const entry = entries.get(id)
        if (entry !== undefined) entries.set(id, { ...entry, told: { epoch, sequence } })
        waiting.remove(id)
      } else if ('lifted' in line) {
        const before = entries.get(line.lifted)?.revocation
        if (before !== undefined) count(before, -1)
        entries.delete(line.lifted)
        waiting.remove(line.lifted)
      } else used.set(line.once, line.until)
    },
    release: (once) => void used.delete(once),
    sweep: (now) => {
      for (const [id, { revocation }] of entries) if (revocation.until <= now) book.apply({ lifted: id })
      for (const [id, until] of used) if (until <= now) used.delete(id)
    },
    *revocations() {
      for (const { revocation } of entries.values()) yield revocation
    },
    *lines() {
      for (const { revocation, told } of entries.values()) {
        yield { revocation }
        if (told !== undefined) yield { told: revocation.id, ...told }
      }
      for (const [once, until] of used) yield { once, until }
    },
  }
  return book
}
