import { isAlive, readFamily } from './family.ts'
import { isLocked } from './home.ts'
import { askReadiness } from './readiness.ts'
import { readRunFile, type RunFile, type RunProcess } from './run-file.ts'

/**
 * One process of a run. `ended`: it is not there; `starting`: it is there and not ready yet; `silent`: a gateway that was ready and
 * does not answer.
 */
interface ProcessStatus {
  readonly name: string
  readonly pid: number | null
  readonly state: 'running' | 'starting' | 'ended' | 'silent'
  /** How often this run has started it again. */
  readonly restarts: number
  readonly address: string
}

export type Status =
  | { readonly state: 'stopped' }
  /** Not everything has been started yet, or not everything has been stopped. `supervisor` is its pid where it is known. */
  | { readonly state: 'changing'; readonly supervisor: number | undefined }
  | {
      readonly state: 'running'
      readonly supervisor: number
      /** All processes run, and the gateway says that it is ready. */
      readonly well: boolean
      readonly processes: readonly ProcessStatus[]
      /** What the gateway says is missing. */
      readonly faults: readonly string[]
    }

/** How the run on a home is. The lock alone says whether there is one; `run.json` says what belongs to it. */
export async function readStatus(home: string): Promise<Status> {
  if (!(await isLocked(home))) return { state: 'stopped' }
  const run = await readRunFile(home)
  if (run === undefined) return { state: 'changing', supervisor: (await readFamily(home))?.supervisor }
  const { ready, answers, faults } = await askReadiness(run)
  const processes = processesOf(run, answers)
  const well = ready && processes.every(({ state }) => state === 'running')
  return { state: 'running', supervisor: run.supervisor.pid, well, processes, faults }
}

function processesOf(run: RunFile, gatewayAnswers: boolean): ProcessStatus[] {
  // A provider elsewhere is no process of the run, so identity has a row only when it is one.
  const identity = run.processes['identity'] === undefined ? {} : { identity: run.issuer }
  const addresses = { control: run.control, ...identity, ...run.modules, gateway: run.gateway }
  return Object.entries(addresses).map(([name, address]) => {
    const found = run.processes[name]
    const state = stateOf(found, name !== 'gateway' || gatewayAnswers)
    return { name, pid: found?.pid ?? null, state, restarts: Math.max(0, (found?.starts ?? 1) - 1), address }
  })
}

function stateOf(found: RunProcess | undefined, answers: boolean): ProcessStatus['state'] {
  if (found === undefined || !isAlive(found.pid)) return 'ended'
  if (!found.ready) return 'starting'
  return answers ? 'running' : 'silent'
}
