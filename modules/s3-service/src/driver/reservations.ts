import { refuseAbove, type Quota, type Usage } from './object-book.ts'

/** Room that an upload holds while it arrives. Dispose it when the upload has ended, however it did. */
interface Reservation {
  /** Told of bytes that arrived. Throws `quota-exceeded` where they find no room. */
  readonly grow: (bytes: number) => void
  readonly [Symbol.dispose]: () => void
}

export interface Reservations {
  /**
   * Throws `quota-exceeded` where there is no room for so many bytes beside those that it replaces. The number of objects is the
   * book's to check, and so is whether what is replaced is still there.
   */
  readonly reserve: (owner: string, bytes: number, replacedBytes: number) => Reservation
}

/**
 * Counts what arrives beside what is there, so that many uploads at once cannot exceed together what one of them may not. In memory:
 * no upload outlives its process.
 */
export function openReservations(usage: (owner: string) => Usage, quota: Quota): Reservations {
  const open = new Map<string, { bytes: number; uploads: number }>()
  return {
    reserve: (owner, bytes, replacedBytes) => {
      const held = open.get(owner) ?? { bytes: 0, uploads: 0 }
      const check = (more: number): void =>
        refuseAbove({ bytes: usage(owner).bytes - replacedBytes + held.bytes + more, objects: 0 }, quota)
      check(bytes)
      open.set(owner, held)
      let reserved = bytes
      let arrived = 0
      held.bytes += bytes
      held.uploads++
      return {
        grow: (more) => {
          arrived += more
          if (arrived <= reserved) return
          check(arrived - reserved)
          held.bytes += arrived - reserved
          reserved = arrived
        },
        [Symbol.dispose]: () => {
          held.bytes -= reserved
          held.uploads--
          if (held.uploads === 0) open.delete(owner)
        },
      }
    },
  }
}
