import type { Failures, Pair } from './lockout-line.ts'

/** What the settings say now. */
export interface LockoutRules {
  /** False where the provider alone counts: then nothing is counted here. */
  readonly counts: boolean
  readonly failuresMax: number
  /** How long a lock lasts, and how long failures that make no lock are remembered. */
  readonly durationMs: number
}

/** What a pair has failed. */
interface Row extends Pair {
  readonly failures: Failures
  /** All of them together. */
  readonly count: number
  /** The last one, milliseconds since 1970. */
  readonly at: number
}

/** The rows of a lockout, in memory; each lives until `durationMs` after its last failure. */
export interface LockoutRows {
  readonly find: (pair: Pair, nowMs: number) => Row | undefined
  /** Puts one in the place of the one that its pair has; without failures it takes that away. */
  readonly put: (pair: Pair, failures: Failures, at: number) => void
  /** Makes room for one more, where that must be: by the oldest that does not lock. False where all of them do. */
  readonly makeRoom: (nowMs: number) => boolean
  readonly countOf: (network: string, nowMs: number) => number
  readonly removeAccount: (account: string) => void
  readonly live: (nowMs: number) => readonly Row[]
}

/** Makes it, without rows. */
export function createLockoutRows(rules: () => LockoutRules, rowsMax: number): LockoutRows {
  // Each in the order of the last failures. Those that lock never make room for others.
  const counting = new Map<string, Row>()
  const locked = new Map<string, Row>()
  const ofNetwork = new Map<string, number>()
  const isOver = ({ at }: Row, nowMs: number): boolean => nowMs - at >= rules().durationMs
  const remove = (key: string): void => {
    const row = counting.get(key) ?? locked.get(key)
    if (row === undefined) return
    counting.delete(key)
    locked.delete(key)
    const left = (ofNetwork.get(row.network) ?? 1) - 1
    if (left === 0) ofNetwork.delete(row.network)
    else ofNetwork.set(row.network, left)
  }
  const put = ({ account, network }: Pair, failures: Failures, at: number): void => {
    const key = keyOf({ account, network })
    const count = Object.values(failures).reduce((sum, one) => sum + one, 0)
    remove(key)
    if (count === 0) return
    const rows = count >= rules().failuresMax ? locked : counting
    rows.set(key, { account, network, failures, count, at })
    ofNetwork.set(network, (ofNetwork.get(network) ?? 0) + 1)
  }
  const sweep = (nowMs: number): void => {
    for (const rows of [counting, locked]) {
      for (const [key, row] of rows) {
        if (!isOver(row, nowMs)) break
        remove(key)
      }
    }
  }
  return {
    put,
    find: (pair, nowMs) => {
      const key = keyOf(pair)
      const row = counting.get(key) ?? locked.get(key)
      if (row === undefined) return undefined
      if (isOver(row, nowMs)) {
        remove(key)
        return undefined
      }
      // The clock was set back: from here it lasts no longer than it would have lasted from its beginning.
      if (row.at > nowMs) put(row, row.failures, nowMs)
      return row
    },
    makeRoom: (nowMs) => {
      sweep(nowMs)
      if (counting.size + locked.size < rowsMax) return true
      const [oldest] = counting.keys()
      if (oldest !== undefined) remove(oldest)
      return oldest !== undefined
    },
    countOf: (network, nowMs) => {
      sweep(nowMs)
      return ofNetwork.get(network) ?? 0
    },
    removeAccount: (account) => {
      for (const rows of [counting, locked]) for (const [key, row] of rows) if (row.account === account) remove(key)
    },
    live: (nowMs) => [...counting.values(), ...locked.values()].filter((row) => !isOver(row, nowMs)),
  }
}

/** One name for a pair: a key of an account has no space. */
export function keyOf({ account, network }: Pair): string {
  return `${account} ${network}`
}
