import type { Revocation } from '@pop-api/protocol'

/** Revocations that control has not acknowledged. */
export interface WaitingLine {
  /** What was put behind comes last, else the oldest first. */
  readonly all: () => IteratorObject<Revocation>
  /** True where one waits that was never put behind. */
  readonly hasFresh: () => boolean
  readonly put: (revocation: Revocation) => void
  readonly remove: (id: string) => void
  /** Puts one behind the others, and behind all that come later. */
  readonly postpone: (id: string) => void
}

/** Makes an empty line. */
export function createWaitingLine(): WaitingLine {
  const fresh = new Map<string, Revocation>()
  const postponed = new Map<string, Revocation>()
  const remove = (id: string): void => {
    fresh.delete(id)
    postponed.delete(id)
  }
  return {
    *all() {
      yield* fresh.values()
      yield* postponed.values()
    },
    hasFresh: () => fresh.size > 0,
    put: (revocation) => {
      const line = postponed.has(revocation.id) ? postponed : fresh
      line.set(revocation.id, revocation)
    },
    remove,
    postpone: (id) => {
      const revocation = fresh.get(id) ?? postponed.get(id)
      if (revocation === undefined) return
      remove(id)
      postponed.set(id, revocation)
    },
  }
}
