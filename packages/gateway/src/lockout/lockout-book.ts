import type { LockoutLine, Pair } from './lockout-line.ts'
import { createLockoutRows, type LockoutRules } from './lockout-rows.ts'

/** Bounds of its memory. */
export interface LockoutBounds {
  readonly pairsMax: number
  /** So many pairs one network may fill; what else it tries counts together, so that it cannot fill the book alone. */
  readonly pairsOfNetworkMax: number
}

/** Who has failed from where. Nothing here waits or reads a clock; what is to be kept is handed back as the line that says so. */
export interface LockoutBook {
  /** Under which pair a try counts. */
  readonly pairOf: (account: string, network: string, nowMs: number) => Pair
  readonly failures: (pair: Pair, nowMs: number) => number
  /** Counts a failure; undefined where the book is full of locks. */
  readonly fail: (pair: Pair, spelling: string, nowMs: number) => LockoutLine | undefined
  /**
   * Forgets the failures of this very spelling, which has proved to be the caller's own account: another that only folds to the same
   * key may be somebody else's. Undefined where there are none.
   */
  readonly succeed: (pair: Pair, spelling: string, nowMs: number) => LockoutLine | undefined
  /** Carries out an order to unlock; undefined where that was done before. */
  readonly unlock: (order: string, account: string) => LockoutLine | undefined
  /** Forgets which orders were carried out, but for these. */
  readonly keepOrders: (orders: ReadonlySet<string>) => void
  readonly apply: (line: LockoutLine, nowMs: number) => void
  /** The fewest lines that come to the same. */
  readonly lines: (nowMs: number) => Generator<LockoutLine>
}

const everyOther = '*'

/** Makes an empty book. */
export function createLockoutBook(
  rules: () => LockoutRules,
  { pairsMax, pairsOfNetworkMax }: LockoutBounds,
): LockoutBook {
  const rows = createLockoutRows(rules, pairsMax)
  /** Order → account. */
  const orders = new Map<string, string>()
  const carryOut = (order: string, account: string): void => {
    orders.set(order, account)
    rows.removeAccount(account)
  }
  return {
    pairOf: (account, network, nowMs) => {
      const own = { account, network }
      const isCrowded = rows.countOf(network, nowMs) >= pairsOfNetworkMax && rows.find(own, nowMs) === undefined
      return isCrowded ? { account: everyOther, network } : own
    },
    failures: (pair, nowMs) => rows.find(pair, nowMs)?.count ?? 0,
    fail: ({ account, network }, spelling, nowMs) => {
      const row = rows.find({ account, network }, nowMs)
      if (row === undefined && !rows.makeRoom(nowMs)) return undefined
      const before = row?.failures ?? {}
      const line = { account, network, failures: { ...before, [spelling]: (before[spelling] ?? 0) + 1 }, at: nowMs }
      rows.put(line, line.failures, line.at)
      return line
    },
    succeed: ({ account, network }, spelling, nowMs) => {
      const row = rows.find({ account, network }, nowMs)
      if (row?.failures[spelling] === undefined) return undefined
      const { [spelling]: _forgotten, ...others } = row.failures
      const line = { account, network, failures: others, at: row.at }
      rows.put(line, line.failures, line.at)
      return line
    },
    unlock: (order, account) => {
      if (orders.has(order)) return undefined
      carryOut(order, account)
      return { unlocked: order, account }
    },
    keepOrders: (listed) => {
      for (const order of orders.keys()) if (!listed.has(order)) orders.delete(order)
    },
    apply: (line, nowMs) => {
      if ('unlocked' in line) return carryOut(line.unlocked, line.account)
      // A time that is still to come is of a clock that was set back.
      const at = Math.min(line.at, nowMs)
      if (nowMs - at >= rules().durationMs) return
      const isNew = rows.find(line, nowMs) === undefined && Object.keys(line.failures).length > 0
      if (!isNew || rows.makeRoom(nowMs)) rows.put(line, line.failures, at)
    },
    *lines(nowMs) {
      for (const [unlocked, account] of orders) yield { unlocked, account }
      for (const { account, network, failures, at } of rows.live(nowMs)) yield { account, network, failures, at }
    },
  }
}
