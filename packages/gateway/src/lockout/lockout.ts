import { hash } from 'node:crypto'
import { PopError, type IncidentsSection, type Unlock } from '@pop-api/protocol'
import { SignInRefused } from '../serve/oauth/sign-in-refused.ts'
import { accountKey, spellingOf } from './account-key.ts'
import { openKeptBook, type KeptBook } from './kept-book.ts'
import type { LockoutBounds } from './lockout-book.ts'
import type { LockoutLine, Pair } from './lockout-line.ts'
import { lockoutNetwork } from './lockout-network.ts'
import { keyOf, type LockoutRules } from './lockout-rows.ts'
import { keepRefusalPace } from './refusal-pace.ts'
import { countTries } from './tries.ts'

/** Somebody who shows a password. All of it is what a stranger sent, but for the address. */
interface PasswordTry {
  readonly account: string
  readonly address: string
  readonly requestId: string
}

/** A try that has locked. */
export interface AccountLock extends PasswordTry {
  readonly network: string
  readonly failures: number
  /** How long it lasts. */
  readonly durationMs: number
}

/** Failed passwords by account and network (security.md, Lockout). */
export interface Lockout {
  /**
   * Lets a try through to the provider, unless account and network are locked: then the provider is not asked, and what is thrown is
   * what a wrong password gives, after as long. A refusal by the provider counts, and is on the disk before anybody is told of it.
   */
  readonly guard: <T>(attempt: PasswordTry, askProvider: () => Promise<T>) => Promise<T>
  /** Carries out the orders to unlock that the bulletin tells. */
  readonly apply: (section: IncidentsSection | undefined) => void
  /** Resolves when what was counted is on the disk and the file is closed. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface LockoutOptions {
  /** The gateway's own folder: `lockout.jsonl`. */
  readonly home: string
  readonly rules: () => LockoutRules
  readonly nowMs: () => number
  /** Of a clock that nobody sets. */
  readonly ticksMs: () => number
  readonly wait: (ms: number) => Promise<unknown>
  readonly random: () => number
  /** Told once of each lock, before whoever failed is answered. */
  readonly locked: (lock: AccountLock) => void
  /** Told of what could not be written, and that nothing more can be counted. */
  readonly failed: (failure: unknown) => void
  readonly bounds?: LockoutBounds
}

/** Some 40 MB at the worst, and a hundred networks that do nothing else. */
const usualBounds = { pairsMax: 100_000, pairsOfNetworkMax: 1_000 }

/** Opens the lockout of a home. Throws as `openKeptBook`. */
export async function openLockout(options: LockoutOptions): Promise<Lockout> {
  const { nowMs } = options
  const kept = await openKeptBook(options, options.bounds ?? usualBounds)
  return {
    guard: guardTries(kept, options),
    apply: (section) => {
      if (section === undefined) return
      const orders = new Map((section.unlocks ?? []).map((unlock) => [orderOf(unlock), unlock]))
      for (const [order, { name, until }] of orders) {
        // What was failed here since then is another matter.
        const line = until > nowMs() ? kept.book.unlock(order, accountKey(name)) : undefined
        if (line !== undefined) void kept.write(line)
      }
      kept.book.keepOrders(new Set(orders.keys()))
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}

function guardTries({ book, write }: KeptBook, options: LockoutOptions): Lockout['guard'] {
  const { rules, nowMs, ticksMs } = options
  const pace = keepRefusalPace(options.random)
  const tries = countTries()
  return async (attempt, askProvider) => {
    if (!rules().counts) return await askProvider()
    const counted = countedAs(attempt)
    if (await tries.begin(counted.key, counted.left)) return await tryIt(counted, askProvider)
    await options.wait(pace.present())
    throw new SignInRefused('locked')
  }

  function countedAs(attempt: PasswordTry): Counted {
    const network = lockoutNetwork(attempt.address)
    const pair = book.pairOf(accountKey(attempt.account), network, nowMs())
    const left = (): number => rules().failuresMax - book.failures(pair, nowMs())
    return { attempt, network, pair, key: keyOf(pair), spelling: spellingOf(attempt.account), left }
  }

  async function tryIt<T>(counted: Counted, askProvider: () => Promise<T>): Promise<T> {
    const beganMs = ticksMs()
    let failed: LockoutLine | undefined
    try {
      const granted = await askProvider()
      const line = book.succeed(counted.pair, counted.spelling, nowMs())
      // Nobody needs to wait: a crash would remember failures, not forget them.
      if (line !== undefined) void write(line)
      return granted
    } catch (failure) {
      if (failure instanceof PopError && failure.code === 'sign-in-refused') {
        pace.note(ticksMs() - beganMs)
        failed = countFailure(counted)
      }
      throw failure
    } finally {
      // Those that wait see the failure before it is on the disk; whoever failed is told after.
      tries.end(counted.key)
      if (failed !== undefined) await write(failed)
    }
  }

  function countFailure({ attempt, network, pair, spelling, left }: Counted): LockoutLine | undefined {
    const line = book.fail(pair, spelling, nowMs())
    const { failuresMax: failures, durationMs } = rules()
    if (line === undefined) options.failed(new Error(full))
    else if (left() === 0) options.locked({ ...attempt, network, failures, durationMs })
    return line
  }
}

/** A try with what it counts as. */
interface Counted {
  readonly attempt: PasswordTry
  readonly network: string
  readonly pair: Pair
  readonly key: string
  readonly spelling: string
  /** How many failures are left to it. */
  readonly left: () => number
}

const full =
  'The book of failed sign-ins is full of locks, and none makes room: this failure counts at the identity provider alone.'

function orderOf({ name, at }: Unlock): string {
  return hash('sha256', `${at} ${name}`, 'base64url').slice(0, 22)
}
