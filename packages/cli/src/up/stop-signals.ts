/** What the outside wants of a running supervisor. */
export interface StopSignals {
  /** Ends the run in order. */
  readonly stop: AbortSignal
  /** Ends the patience with whoever does not end. */
  readonly force: AbortSignal
  readonly [Symbol.dispose]: () => void
}

/** npm passes on the Ctrl-C that the terminal has sent already: within this time two are one. */
const repeatMs = 1_000

/**
 * Takes SIGINT, SIGTERM and SIGHUP (a terminal that was closed) until disposed: the first stops, a Ctrl-C a second or more later
 * forces. `nowMs` is a monotonic clock.
 */
export function catchStopSignals(nowMs: () => number = () => performance.now()): StopSignals {
  const stop = new AbortController()
  const force = new AbortController()
  let firstMs = 0
  const end = (signal: NodeJS.Signals): void => {
    if (!stop.signal.aborted) {
      firstMs = nowMs()
      stop.abort()
    } else if (signal === 'SIGINT' && nowMs() - firstMs >= repeatMs) force.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, end)
  return {
    stop: stop.signal,
    force: force.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, end)
    },
  }
}
