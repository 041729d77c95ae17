import { setTimeout as wait } from 'node:timers/promises'
import { isCount, isJsonObject, isTextList, PopError, type JsonObject, type RevocationFacts } from '@pop-api/protocol'
import { backoffMs } from '@pop-api/workload'
import type { Revocations } from './revocations.ts'

interface TellOptions {
  readonly revocations: Pick<Revocations, 'queue' | 'onAdd'>
  /** What control answers, still unchecked. */
  readonly report: (facts: readonly RevocationFacts[], signal: AbortSignal) => Promise<JsonObject>
  /** Told of the first failure of each row of them. */
  readonly failed: (failure: unknown) => void
  /** 0 ≤ x < 1 */
  readonly random: () => number
}

/** As many as control takes in one report. */
const batchMax = 200
const retry = { firstMs: 100, mostMs: 30_000 } as const
/** What comes within this time goes in one report: the bulletin carries the whole section at each change. */
const gatherMs = 50

/** Tells control what the endpoints of this gateway revoked, until all of it is acknowledged, whatever becomes of single tries. */
export function tellControl({ revocations, report, failed, random }: TellOptions): AsyncDisposable {
  const stop = new AbortController()
  const { queue } = revocations
  let wake = (): void => undefined
  let attempt = 0
  let batch = batchMax
  revocations.onAdd(() => wake())
  const running = run()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      wake()
      await running
    },
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      if (queue.waiting(1).length === 0) {
        await new Promise<void>((resolve) => (wake = resolve))
        await pause(gatherMs)
        continue
      }
      try {
        await tell()
        attempt = 0
      } catch (failure) {
        if (stop.signal.aborted) return
        if (attempt === 0) failed(failure)
        await rest(backoffMs(attempt++, random, retry), isFull(failure))
      }
    }
  }

  /** Where control is there and has no room for what it was told, what others revoke meanwhile does not wait for the end of it. */
  async function rest(ms: number, canHurry: boolean): Promise<void> {
    const hurry = new AbortController()
    wake = () => {
      if (canHurry && queue.isFreshWaiting()) hurry.abort()
    }
    wake()
    await pause(ms, hurry.signal)
    await pause(gatherMs)
  }

  /** One report. Throws where control did not take all of it. */
  async function tell(): Promise<void> {
    const asked = queue.waiting(batch)
    try {
      const { accepted, position } = readAnswer(await report(asked.map(factsOf), stop.signal))
      const known = new Set(asked.map(({ id }) => id))
      await queue.acknowledge(
        accepted.filter((id) => known.has(id)),
        position,
      )
      const left = asked.filter(({ id }) => !accepted.includes(id))
      // Those behind them may find room.
      for (const { id } of left) queue.postpone(id)
      if (left.length > 0) throw new PopError('incidents-full', 'Control has no room for all of them.')
      batch = batchMax
    } catch (failure) {
      // One that control does not take must not hold up those behind it: they are said one by one then.
      if (failure instanceof PopError && failure.code === 'body-invalid') {
        if (asked.length === 1 && asked[0] !== undefined) queue.postpone(asked[0].id)
        batch = 1
      }
      throw failure
    }
  }

  async function pause(ms: number, hurry?: AbortSignal): Promise<void> {
    const signal = hurry === undefined ? stop.signal : AbortSignal.any([stop.signal, hurry])
    // An aborted wait rejects; the loop then ends by its condition, or goes on.
    await wait(ms, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

function isFull(failure: unknown): boolean {
  return failure instanceof PopError && failure.code === 'incidents-full'
}

function factsOf({ id: _id, ...facts }: RevocationFacts & { readonly id: string }): RevocationFacts {
  return facts
}

/** Reads control's answer: control is trusted, but it may be of another version. */
function readAnswer({ accepted, position }: JsonObject) {
  const { epoch, sequence } = isJsonObject(position) ? position : {}
  if (isTextList(accepted, batchMax, 64) && isCount(epoch) && isCount(sequence))
    return { accepted, position: { epoch, sequence } }
  throw new Error('Control answered a report of revocations in a way that this gateway does not know.')
}
