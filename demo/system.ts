import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** A running system in a home of its own, on free ports. */
export interface System {
  /** `https://host:port` */
  readonly gateway: string
  /** Stops it and waits until its processes have ended. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const program = fileURLToPath(new URL('../packages/cli/bin/pop.ts', import.meta.url))

/** Starts `pop up` on a home. Throws an Error with its own words when it ends before it is ready, or `signal` is aborted. */
export async function startSystem(home: string, cwd: string, signal: AbortSignal): Promise<System> {
  signal.throwIfAborted()
  const words = ['--conditions=@pop-api/source', program, '--home', home, 'up', '--port-base', '0']
  const child = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  const faults = text(child.stderr)
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill()
    await ended
  }
  signal.addEventListener('abort', () => void stop(), { once: true })
  const lines = createInterface({ input: child.stdout })
  // On no terminal it tells each event as a line of JSON.
  for await (const line of lines) if (line.includes('"event":"ready"')) break
  // Whatever it tells from now on is in its log; unread, it would wait for us.
  child.stdout.resume()
  if (child.exitCode !== null || signal.aborted) {
    await stop()
    throw new Error(`The system did not start: ${(await faults).trim() || 'it was stopped'}`)
  }
  // Written by the program that was just started.
  const run = JSON.parse(await readFile(join(home, 'run.json'), 'utf8')) as { readonly gateway: string }
  return { gateway: run.gateway, [Symbol.asyncDispose]: stop }
}
