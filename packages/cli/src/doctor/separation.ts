import { stat } from 'node:fs/promises'
import { errorCode } from '../up/own-file.ts'
import { ok, skip, warn, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Which separation of the processes from each other holds now: what one that is taken over could reach of the others. */
export async function checkSeparation({ run, settings }: Pick<Patient, 'run' | 'settings'>): Promise<Finding> {
  if (run === undefined) return skip('separation', 'nothing runs on this home')
  const users = await Promise.all(Object.values(run.processes).map(({ pid }) => userOf(pid)))
  const known = users.filter((user) => user !== undefined)
  if (known.length < users.length) return skip('separation', 'this system does not tell the users of processes')
  return judgeSeparation(known, settings?.settings.environment ?? 'development')
}

/** The finding for the users of the processes of a run. */
export function judgeSeparation(users: readonly number[], environment: string): Finding {
  const different = new Set(users).size
  if (different === users.length)
    return ok('separation', 'each process has a user of its own: none can read the files of another')
  const holds = `${users.length} processes with their own keys and folders share ${different === 1 ? 'one user' : `${different} users`}: one that is taken over can read the files of the others`
  if (environment === 'development' && !users.includes(0))
    return ok('separation', `${holds}. That is enough for development`)
  const remedy = users.includes(0)
    ? 'Do not run it as root: `pop up` starts every process as the user that called it'
    : 'Run each process as a user of its own, on machines of their own where you can'
  return warn('separation', holds, remedy)
}

/** The owner of the entry in /proc is who a process runs as; undefined where there is no /proc, or the process is gone. */
async function userOf(pid: number): Promise<number | undefined> {
  try {
    return (await stat(`/proc/${pid}`)).uid
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
