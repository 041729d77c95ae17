import { setTimeout as delay } from 'node:timers/promises'

/** Waits before the next command. Rejects when `signal` is aborted, or somebody wants the demo to end. */
export type Pace = (signal: AbortSignal) => Promise<void>

/** Somebody pressed q or Ctrl-C. */
export class DemoStopped extends Error {}

/** So many seconds; none at all for 0. */
export function everySeconds(seconds: number): Pace {
  return async (signal) => {
    signal.throwIfAborted()
    if (seconds > 0) await delay(seconds * 1000, undefined, { signal })
  }
}

/** Until a key is pressed on the terminal; q and Ctrl-C end the demo. */
export function eachKey(terminal: NodeJS.ReadStream): Pace {
  return async (signal) => {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const pressed = (key: Buffer): void => {
      const text = key.toString('latin1')
      if (text === 'q' || text === '\u0003') reject(new DemoStopped('The demo was ended.'))
      else resolve()
    }
    const aborted = (): void => reject(new DemoStopped('The demo was ended.'))
    terminal.setRawMode(true).resume()
    terminal.on('data', pressed)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      await promise
    } finally {
      terminal.off('data', pressed)
      signal.removeEventListener('abort', aborted)
      terminal.setRawMode(false).pause()
    }
  }
}
