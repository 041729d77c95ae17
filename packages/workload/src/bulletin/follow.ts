import { backoffMs } from '../http/backoff.ts'
import { isPassing, pause } from '../http/wait.ts'
import { WorkloadError } from '../workload-error.ts'
import type { ControlLink } from './control-link.ts'
import { readEventData } from './event-stream.ts'
import { judgeChange, judgeSnapshot } from './order.ts'
import { createShownView, type Bulletin, type ShownView } from './shown-view.ts'
import { proofOf, viewAfter, viewOfSnapshot, type View } from './view.ts'
import { proveChange, proveSnapshot, readView, writeView, type BulletinTrust } from './view-file.ts'

export interface FollowOptions {
  readonly link: ControlLink
  readonly trust: BulletinTrust
  /** Absolute path of the file that keeps the last verified view. */
  readonly file: string
  readonly nowMs: () => number
  /** 0 ≤ x < 1 */
  readonly random: () => number
  /** How long the first bulletin may take when there is none on disk. */
  readonly patienceMs: number
  /** Told of everything that went wrong and is tried again: for logs. */
  readonly onProblem: (problem: unknown) => void
}

export interface BulletinFollower extends Bulletin {
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const reconnect = { firstMs: 50, mostMs: 5_000 } as const

/**
 * Follows the bulletin: from control if it answers, else from the view on disk, and from then on whatever control says. Resolves
 * with the first view; rejects when there is none within `patienceMs`. The caller disposes it.
 */
export async function followBulletin(options: FollowOptions): Promise<BulletinFollower> {
  const { link, trust, file, nowMs, patienceMs, onProblem } = options
  const stop = new AbortController()
  const shown = createShownView(await keptView(file, trust, onProblem), {
    nowMs,
    keep: (view) => writeView(file, view),
    report: async (position) => {
      // Once following has stopped nobody waits for the report.
      if (!stop.signal.aborted) await link.reportApplied(position, undefined, stop.signal)
    },
    onProblem: (problem) => {
      if (!stop.signal.aborted || !isPassing(problem)) onProblem(problem)
    },
  })
  const first = Promise.withResolvers<void>()
  const timer = setTimeout(() => first.reject(noBulletin()), patienceMs)
  const looping = follow(shown, options, stop.signal, first.resolve)
  try {
    await first.promise
  } catch (error) {
    stop.abort()
    await looping
    throw error
  } finally {
    clearTimeout(timer)
  }
  return {
    ...shown.bulletin,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await looping
      await shown.settle()
    },
  }
}

/** Snapshot, changes until a gap or an end, a pause, and again. `onView` is called once there is a view and control was asked. */
async function follow(
  shown: ShownView,
  options: FollowOptions,
  signal: AbortSignal,
  onView: () => void,
): Promise<void> {
  let attempt = 0
  while (!signal.aborted) {
    try {
      const start = await takeSnapshot(shown, options, signal)
      onView()
      await followChanges(start, options, signal, (view) => {
        attempt = 0
        shown.show(view)
      })
    } catch (problem) {
      if (signal.aborted) return
      options.onProblem(problem)
      if (shown.present() !== undefined) onView()
    }
    await pause(backoffMs(attempt++, options.random, reconnect), signal)
  }
}

async function takeSnapshot(shown: ShownView, { link, trust }: FollowOptions, signal: AbortSignal): Promise<View> {
  const snapshot = proveSnapshot(await link.snapshot(signal), trust)
  const present = shown.present()
  if (present !== undefined && judgeSnapshot(present.applied, snapshot.claims) === 'lower') {
    // Either a replay, or control came back from an older copy of its store and must open a higher epoch (wire.md, bulletin).
    await link.reportApplied(present.applied, proofOf(present), signal)
    throw new WorkloadError('bulletin-refused', 'Control showed an older bulletin than the one applied here.')
  }
  const next = viewOfSnapshot(snapshot)
  shown.show(next)
  return next
}

/** Follows until a gap; throws for a replay, and when the stream ends. */
async function followChanges(
  start: View,
  { link, trust }: FollowOptions,
  signal: AbortSignal,
  show: (view: View) => void,
): Promise<void> {
  const stream = await link.changes(start.applied, signal)
  let current = start
  try {
    for await (const data of readEventData(stream)) {
      const change = proveChange(data, trust)
      const judgement = judgeChange(current.applied, change.claims)
      if (judgement === 'gap') return
      if (judgement === 'lower') throw new WorkloadError('bulletin-refused', 'Control repeated an older message.')
      current = viewAfter(current, change)
      show(current)
    }
  } catch (cause) {
    // What ends a connection in the middle has no words of its own but "aborted".
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET')
      throw new WorkloadError('control-unavailable', 'The connection to control was cut.', { cause })
    throw cause
  } finally {
    stream.destroy()
  }
  throw new WorkloadError('control-unavailable', 'Control ended the stream of changes.')
}

async function keptView(
  file: string,
  trust: BulletinTrust,
  onProblem: (problem: unknown) => void,
): Promise<View | undefined> {
  try {
    return await readView(file, trust)
  } catch (problem) {
    if (!(problem instanceof WorkloadError)) throw problem
    // A view that does not verify is as good as none; control has a new one.
    onProblem(problem)
    return undefined
  }
}

function noBulletin(): WorkloadError {
  return new WorkloadError('control-unavailable', 'Control gave no bulletin in time, and none is kept here.')
}
