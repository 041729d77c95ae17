import { fork, execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BootFile } from '@pop-api/protocol'

/** What `bare-proxy.ts` is told. */
export interface BareTask {
  readonly server: Readonly<Record<string, unknown>>
  readonly client: Readonly<Record<string, unknown>>
  readonly upstream: string
}

/** What `gateway.ts` is told; with `parts` it seals nothing. */
export interface GatewayTask {
  readonly boot: BootFile
  readonly parts?: { readonly tokensMax: number }
}

/** One that is measured: a process of its own, alone on the first core. */
export interface Measured {
  readonly origin: string
  /** Microseconds of CPU since it started, user and system. */
  readonly cpuMicroseconds: () => number
}

/** Starts a program beside this file and waits until it tells its address. `stack` ends it. */
export async function startMeasured(
  program: string,
  task: BareTask | GatewayTask,
  stack: AsyncDisposableStack,
): Promise<Measured> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), {
    env: { ...process.env, POP_BENCH: JSON.stringify(task) },
  })
  // Without its parent it ends by itself.
  stack.defer(() => child.disconnect())
  pin(child, 0)
  const [told] = await Promise.race([once(child, 'message'), ended(child, program)])
  if (typeof told?.origin !== 'string') throw new Error(`${program} did not tell its address.`)
  return { origin: told.origin, cpuMicroseconds: () => cpuOf(child.pid ?? 0) }
}

/** Puts this process, with load and upstream, on the second core. */
export function pinSelf(): void {
  pin(process, 1)
}

/** In a child: what the parent wants of it. */
export function readTask(): unknown {
  return JSON.parse(process.env['POP_BENCH'] ?? 'null')
}

async function ended(child: ChildProcess, program: string): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`${program} ended with ${code} before it was ready.`)
}

function pin({ pid }: { readonly pid?: number | undefined }, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'pipe' })
  } catch (cause) {
    throw new Error('The benchmark needs two cores and `taskset` (util-linux).', { cause })
  }
}

const microsecondsPerTick = 10_000

/** proc(5): utime and stime are the fields behind the name and eleven others. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}
