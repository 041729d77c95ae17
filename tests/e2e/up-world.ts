import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../tree.ts'

/** An event of the supervisor, as it writes it where no terminal is. */
export type Told = Readonly<Record<string, unknown>> & { readonly event: string }

/** A folder for one run, removed at the end. */
export async function makeHome() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-up-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  return { folder, path: join(folder, 'home'), [Symbol.asyncDispose]: remove }
}

/** A command of `pop` as a process that ends by itself. */
export async function pop(...words: readonly string[]) {
  return await popWith('', ...words)
}

/** The same, with text on its standard input. */
export async function popWith(input: string, ...words: readonly string[]) {
  const child = spawnPop(words)
  child.stdin.end(input)
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: child.exitCode, output, errors }
}

/** Starts `pop up` on a home, on any free ports unless told, and hears what it tells. Killed at the end if it still runs. */
export function startUp(home: string, words: readonly string[] = ['--port-base', '0']) {
  const child = spawnPop(['--home', home, 'up', ...words])
  child.stdin.end()
  const exited = once(child, 'exit')
  const errors = text(child.stderr)
  const told: Told[] = []
  const lines = createInterface({ input: child.stdout })
  // Every line is one object with the member `event`: the shape under test.
  lines.on('line', (line) => told.push(JSON.parse(line) as Told))
  /** The first event from `start` on that fits; fails when the supervisor ends without it. */
  const hears = async (fits: (event: Told) => boolean, start = 0): Promise<Told> => {
    for (;;) {
      const found = told.slice(start).find(fits)
      if (found !== undefined) return found
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`pop up ended with ${child.exitCode}: ${await errors}\n${JSON.stringify(told)}`)
      }
      await delay(20)
    }
  }
  return {
    child,
    exited,
    errors,
    told,
    hears,
    isReady: () => hears(({ event }) => event === 'ready'),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      await allGone(pidsOf(told))
    },
  }
}

/** Every process that the supervisor said it had started. */
export function pidsOf(told: readonly Told[]): number[] {
  return told.flatMap(({ event, pid }) => (event === 'started' && typeof pid === 'number' ? [pid] : []))
}

/** Resolves once none of these processes is there. A test that waits for ever is ended by its own time limit. */
export async function allGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await delay(20)
}

export async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  // Files that the supervisor writes; the tests look at each member.
  return JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: the one answer for a process of our own that has ended.
    return false
  }
}

function spawnPop(words: readonly string[]) {
  const program = join(root, 'packages/cli/bin/pop.ts')
  // Not in the top folder: somebody's own pop.yaml there is not what is tested.
  return spawn(process.execPath, [...process.execArgv, program, ...words], {
    cwd: tmpdir(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
