import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from './tree.ts'

/** What `run.json` says, as far as tests look at it. */
interface Run {
  readonly supervisor: { readonly pid: number }
  readonly processes: Readonly<Record<string, { readonly pid: number }>>
  readonly gateway: string
  readonly operations: string
  readonly ca: string
}

/** `pop up` as a process, in a home of its own. */
export interface Supervised {
  readonly home: string
  /** `run.json` as it is now. */
  readonly run: () => Run
  /** Kills the supervisor with SIGKILL and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** Starts anew on the same home and ports. */
  readonly start: () => Promise<void>
  /** SIGTERM, and the end of the home. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Starts `pop up` on free ports and waits until it is ready. */
export async function startSupervised(): Promise<Supervised> {
  const home = mkdtempSync(join(tmpdir(), 'pop-up-'))
  const file = join(home, 'run.json')
  const portBase = String(await freePorts())
  let child = launch()
  await ready()
  return {
    home,
    // Written by the program under test, whose own tests check its shape.
    run: () => JSON.parse(readFileSync(file, 'utf8')) as Run,
    kill: () => end('SIGKILL'),
    start: async () => {
      child = launch()
      await ready()
    },
    [Symbol.asyncDispose]: async () => {
      await end('SIGTERM')
      rmSync(home, { recursive: true })
    },
  }

  function launch() {
    return fork(`${root}packages/cli/bin/pop.ts`, ['up', '--port-base', portBase], {
      cwd: root,
      env: { ...process.env, POP_HOME: home },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  }

  async function ready(): Promise<void> {
    const mine = (): boolean => existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).supervisor.pid === child.pid
    while (!mine()) {
      if (child.exitCode !== null) throw new Error(`pop up ended with ${child.exitCode}`)
      await pause(50)
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

/** The first of ten ports in a row that nobody listens on now. */
async function freePorts(): Promise<number> {
  for (let base = 20_000 + Math.floor(Math.random() * 20_000); ; base = 20_000 + ((base + 37) % 20_000)) {
    const free = await Promise.all(Array.from({ length: 10 }, (_, offset) => isFree(base + offset)))
    if (!free.includes(false)) return base
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
