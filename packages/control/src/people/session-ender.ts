import { setTimeout as wait } from 'node:timers/promises'
import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { backoffMs } from '@pop-api/workload'
import type { Publisher } from '../bulletin/bulletin.ts'
import {
  forgetSessionEnds,
  isSessionEndWaiting,
  noteTried,
  waitingSessionEnds,
  type SessionEnd,
} from '../incident/session-ends.ts'
import { settingsInForce } from '../settings/settings-desk.ts'
import type { Store } from '../store/store.ts'
import type { AskKeycloak } from './keycloak.ts'
import { isUnknown, refusalOf } from './keycloak-refusal.ts'
import { endSession, endSessionsUntil } from './sessions.ts'

export interface SessionEnderOptions {
  readonly store: Store
  readonly publisher: Pick<Publisher, 'change'>
  readonly askKeycloak: AskKeycloak
  /** Told of the first failure of each row of them. */
  readonly failed: (failure: unknown) => void
  readonly nowMs: () => number
  /** 0 ≤ x < 1 */
  readonly random: () => number
}

/** Ends sessions at Keycloak that were revoked, and goes on until it has, over restarts and whatever becomes of single tries. */
export interface SessionEnder extends AsyncDisposable {
  /** Says that there may be something to end. */
  readonly wake: () => void
  /** Tries at once, and says within some seconds what became of the sessions behind a revocation. */
  readonly settle: (revocation: string) => Promise<'ended' | 'pending'>
}

/** So many go with one token of Keycloak's. */
const batchMax = 20
const retry = { firstMs: 500, mostMs: 60_000 } as const
/** A gateway waits ten seconds in all for what it has handed on. */
const settleMs = 2_500

/** Begins to work; disposal ends it. */
export function startSessionEnder(options: SessionEnderOptions): SessionEnder {
  const { store, failed, random } = options
  const stop = new AbortController()
  let called = Promise.withResolvers<void>()
  let tried = Promise.withResolvers<void>()
  let hurried = Promise.withResolvers<void>()
  const running = run()
  return {
    // While it rests after a failure, more of the same would only fail too.
    wake: () => called.resolve(),
    settle: async (revocation) => {
      const late = AbortSignal.timeout(settleMs)
      hurried.resolve()
      called.resolve()
      while (isSessionEndWaiting(store, revocation) && !late.aborted && !stop.signal.aborted)
        await Promise.race([tried.promise, pause(settleMs, late)])
      return isSessionEndWaiting(store, revocation) ? 'pending' : 'ended'
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      called.resolve()
      await running
    },
  }

  async function run(): Promise<void> {
    for (let attempt = 0; !stop.signal.aborted;) {
      if (waitingSessionEnds(store, 1).length === 0) {
        await called.promise
        called = Promise.withResolvers()
        continue
      }
      hurried = Promise.withResolvers()
      const failure = await endBatch(options, stop.signal).catch((unforeseen: unknown) => unforeseen)
      tried.resolve()
      tried = Promise.withResolvers()
      if (failure === undefined) attempt = 0
      else if (!stop.signal.aborted) {
        if (attempt === 0) failed(failure)
        // Until then, or until somebody waits for it.
        await Promise.race([pause(backoffMs(attempt++, random, retry), stop.signal), hurried.promise])
      }
    }
  }
}

/** Tries some of them; gives the first failure. Nothing is lost that was done before it. */
async function endBatch(
  { store, publisher, askKeycloak, nowMs }: SessionEnderOptions,
  signal: AbortSignal,
): Promise<unknown> {
  if (settingsInForce(store).identity.provider !== 'keycloak') {
    publisher.change(() => forgetSessionEnds(store))
    return undefined
  }
  const ends = waitingSessionEnds(store, batchMax)
  const ended: string[] = []
  const failed: string[] = []
  let first: unknown
  try {
    await askKeycloak(async (keycloak) => {
      for (const { revocation, target } of ends) {
        try {
          await endOne(keycloak, target)
          ended.push(revocation)
        } catch (failure) {
          first ??= failure
          failed.push(revocation)
          // Keycloak is away: the others would fail alike.
          if (isUnknown(failure)) break
        }
      }
    }, signal)
  } catch (failure) {
    first ??= failure
  }
  publisher.change(() => noteTried(store, { ended, failed }, Math.floor(nowMs() / 1000)))
  return first
}

async function endOne(keycloak: KeycloakAdminClient, target: SessionEnd['target']): Promise<void> {
  if (target.kind === 'session') return await endSession(keycloak, target.id)
  try {
    await endSessionsUntil(keycloak, target.id, target.until)
  } catch (failure) {
    // Who is gone has no sessions.
    if (refusalOf(failure).code !== 'resource-not-found') throw failure
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An aborted wait rejects; whoever waits looks at the signal.
  await wait(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
