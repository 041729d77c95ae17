import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '@pop-api/protocol'
import type { Child, ChildExit } from './child.ts'
import type { SupervisorLog } from './events.ts'
import type { ProgramName } from './programs.ts'

export interface KeepOptions {
  readonly name: ProgramName
  /**
   * Starts it once: with a boot file and a token of its own each time. May throw; then it is tried again. `stopping` ends what it
   * waits for.
   */
  readonly launch: (stopping: AbortSignal) => Promise<Child>
  /** Told of the message `ready` of each start, before anybody who waits for it. */
  readonly onReady: (message: JsonObject) => Promise<void>
  readonly log: SupervisorLog
  /** Ends the patience of a stop: SIGKILL at once. */
  readonly force: AbortSignal
  readonly readyMsMax?: number
  readonly stopMsMax?: number
}

/** The first start of a process came to nothing. `exit` is undefined for one that took too long. */
export class FirstStartError extends Error {
  override readonly name = 'FirstStartError'
  readonly process: ProgramName
  readonly exit: ChildExit | undefined

  constructor(process: ProgramName, exit: ChildExit | undefined, message: string) {
    super(message)
    this.process = process
    this.exit = exit
  }
}

const firstPauseMs = 100
const pauseMsMax = 5_000
/** A process that served this long has recovered: its next end is answered at once again. */
const recoveredMs = 30_000

/** Milliseconds until the start after `failures` ends in a row: 100, 200, 400, … up to 5 s. */
export function restartPauseMs(failures: number): number {
  return Math.min(firstPauseMs * 2 ** failures, pauseMsMax)
}

/** A process that is started again whenever it ends, until it is disposed. */
export class KeptProcess implements AsyncDisposable {
  readonly name: ProgramName
  readonly #options: KeepOptions
  readonly #stopping = new AbortController()
  #child: Child | undefined
  #keeping: Promise<void> = Promise.resolve()
  #starts = 0
  #serving = Promise.withResolvers<void>()

  constructor(options: KeepOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Starts it for the first time. Throws `FirstStartError` when it ends or says nothing for too long instead of being ready. */
  async start(): Promise<void> {
    const child = await this.#launch()
    const outcome = await this.#becomeReady(child)
    if (outcome !== 'ready') {
      const why = outcome === 'late' ? 'was not ready in time' : `ended ${describeExit(outcome)} before it was ready`
      throw new FirstStartError(this.name, outcome === 'late' ? undefined : outcome, `${this.name} ${why}`)
    }
    this.#keeping = this.#keep(child)
  }

  /** Resolves once it serves; at once while it does. Rejects when `signal` ends the waiting. */
  async whenServing(signal: AbortSignal): Promise<void> {
    const ended = Promise.withResolvers<never>()
    const end = (): void => ended.reject(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', end)
    try {
      await Promise.race([this.#serving.promise, ended.promise])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  /** Sends it a message; false while nobody is there to take it. */
  send(message: JsonObject): boolean {
    return this.#child?.send(message) ?? false
  }

  /** Stops it: SIGTERM, and SIGKILL after ten seconds or when the stop is forced. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    const child = this.#child
    if (child !== undefined) await this.#end(child)
    await this.#keeping
  }

  async #launch(): Promise<Child> {
    this.#stopping.signal.throwIfAborted()
    this.#starts++
    const child = await this.#options.launch(this.#stopping.signal)
    this.#child = child
    // A child without a pid could not be started; what it says of that is in its log.
    if (child.pid !== undefined) this.#options.log.emit({ event: 'started', child: this.name, pid: child.pid })
    if (this.#stopping.signal.aborted) await this.#end(child)
    return child
  }

  async #becomeReady(child: Child): Promise<'ready' | 'late' | ChildExit> {
    const { readyMsMax = 60_000, onReady, log } = this.#options
    const waiting = new AbortController()
    const late = delay(readyMsMax, 'late' as const, { signal: waiting.signal }).catch(() => 'late' as const)
    const message = await Promise.race([child.ready, late])
    waiting.abort()
    if (message === undefined) return await child.exit
    if (message === 'late') {
      await this.#end(child)
      return 'late'
    }
    await onReady(message)
    log.emit({ event: 'child_ready', child: this.name, pid: child.pid ?? 0, start: this.#starts })
    this.#serving.resolve()
    return 'ready'
  }

  async #keep(first: Child): Promise<void> {
    const { name, log } = this.#options
    let child: Child | undefined = first
    let failures = 0
    for (;;) {
      const servedMs = await this.#outlive(child)
      if (servedMs > recoveredMs) failures = 0
      if (this.#stopping.signal.aborted) return
      const pauseMs = restartPauseMs(failures++)
      log.emit({ event: 'restarting', child: name, in_ms: pauseMs })
      if (!(await pause(pauseMs, this.#stopping.signal))) return
      child = await this.#startAgain()
    }
  }

  /** Waits for the end of a start and gives how long it lasted, in ms. */
  async #outlive(child: Child | undefined): Promise<number> {
    if (child === undefined) return 0
    const sinceMs = performance.now()
    const { code, signal } = await child.exit
    this.#child = undefined
    this.#serving = Promise.withResolvers()
    const exit = { code: code ?? null, signal: signal ?? null }
    this.#options.log.emit({ event: 'ended', child: this.name, pid: child.pid ?? 0, ...exit })
    return performance.now() - sinceMs
  }

  async #startAgain(): Promise<Child | undefined> {
    try {
      const child = await this.#launch()
      const outcome = await this.#becomeReady(child)
      // One that ended is outlived next; one that was late has been ended.
      if (outcome !== 'ready' && !this.#stopping.signal.aborted) {
        this.#failed(outcome === 'late' ? 'was not ready in time' : `ended ${describeExit(outcome)}`)
      }
      return child
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#failed(error instanceof Error ? error.message : String(error))
      return this.#child
    }
  }

  #failed(reason: string): void {
    this.#options.log.emit({ event: 'restart_failed', child: this.name, reason })
  }

  async #end(child: Child): Promise<void> {
    const { force, log, stopMsMax = 10_000 } = this.#options
    child.kill('SIGTERM')
    const waiting = new AbortController()
    const patience = pause(stopMsMax, AbortSignal.any([waiting.signal, force]))
    const first = await Promise.race([child.exit, patience.then(() => undefined)])
    waiting.abort()
    if (first !== undefined) return
    log.emit({ event: 'killed', child: this.name, pid: child.pid ?? 0 })
    child.kill('SIGKILL')
    await child.exit
  }
}

/** How a process ended, to be put behind "ended". */
export function describeExit({ code, signal }: ChildExit): string {
  if (signal !== undefined) return `by ${signal}`
  return code === undefined ? 'without having been started' : `with code ${code}`
}

/** Waits; false when the signal ended it. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  try {
    await delay(ms, undefined, { signal })
    return true
  } catch {
    // The only error of a timer is its abortion, which is the false of the contract.
    return false
  }
}
