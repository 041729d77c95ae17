import type { BulletinPosition, Revocation } from '@pop-api/protocol'
import type { OwnLine } from './own-line.ts'

/** A revocation of this gateway. */
interface Entry {
  readonly revocation: Revocation
  /** Where the bulletin carries it; undefined while it waits for control. */
  readonly told: BulletinPosition | undefined
}

/** What the lines of `revocations.jsonl` come to. */
export interface OwnBook {
  readonly entries: ReadonlyMap<string, Entry>
  /** Those that control has not acknowledged, the oldest first. */
  readonly waiting: ReadonlyMap<string, Revocation>
  /** How many single tokens each holder has revoked. */
  readonly tokensOf: (holder: string) => number
  /** Messages that were used, and when they end by themselves. */
  readonly used: ReadonlyMap<string, number>
  readonly apply: (line: OwnLine) => void
  /** Forgets that a message was used. */
  readonly release: (once: string) => void
  /** Puts one behind the others that wait. */
  readonly postpone: (id: string) => void
  /** Drops what has ended. */
  readonly sweep: (nowSeconds: number) => void
  readonly revocations: () => Generator<Revocation>
  /** The fewest lines that come to the same. */
  readonly lines: () => Generator<OwnLine>
}

/** Makes an empty book. */
export function createOwnBook(): OwnBook {
  const entries = new Map<string, Entry>()
  const waiting = new Map<string, Revocation>()
  const used = new Map<string, number>()
  const tokens = new Map<string, number>()
  const count = ({ kind, account }: Revocation, more: 1 | -1): void => {
    if (kind !== 'jti' || account === undefined) return
    const left = (tokens.get(account.by) ?? 0) + more
    if (left === 0) tokens.delete(account.by)
    else tokens.set(account.by, left)
  }
  const book: OwnBook = {
    entries,
    waiting,
    used,
    tokensOf: (holder) => tokens.get(holder) ?? 0,
    apply: (line) => {
      if ('revocation' in line) {
        const { revocation } = line
        const before = entries.get(revocation.id)?.revocation
        if (before === undefined) count(revocation, 1)
        const longest = before !== undefined && before.until > revocation.until ? before : revocation
        entries.set(revocation.id, { revocation: longest, told: undefined })
        waiting.set(revocation.id, longest)
      } else if ('told' in line) {
        const { told: id, epoch, sequence } = line
        const entry = entries.get(id)
        if (entry !== undefined) entries.set(id, { ...entry, told: { epoch, sequence } })
        waiting.delete(id)
      } else if ('lifted' in line) {
        const before = entries.get(line.lifted)?.revocation
        if (before !== undefined) count(before, -1)
        entries.delete(line.lifted)
        waiting.delete(line.lifted)
      } else used.set(line.once, line.until)
    },
    release: (once) => void used.delete(once),
    postpone: (id) => {
      const revocation = waiting.get(id)
      if (revocation === undefined) return
      waiting.delete(id)
      waiting.set(id, revocation)
    },
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
