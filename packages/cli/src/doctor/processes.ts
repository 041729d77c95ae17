import { CommandFailure } from '../command-failure.ts'
import { isAlive } from '../up/family.ts'
import { choosePorts, refuseTakenPorts, type Ports } from '../up/ports.ts'
import { listeners } from '../up/programs.ts'
import { fail, ok, skip, warn, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Whether each process of the run is there and ready, and how often it had to be started again. */
export function checkProcesses({ run }: Pick<Patient, 'run'>): readonly Finding[] {
  if (run === undefined) return [skip('processes', 'nothing runs on this home')]
  return Object.entries(run.processes).map(([name, { pid, starts, ready }]) => {
    const look = `See: pop logs ${name}`
    if (!isAlive(pid)) return fail('processes', `${name} has ended (it was process ${pid})`, look)
    if (!ready) return warn('processes', `${name} (process ${pid}) is starting`, look)
    const again = starts - 1
    if (again > 0)
      return warn(
        'processes',
        `${name} (process ${pid}) runs, and was started again ${again === 1 ? 'once' : `${again} times`}`,
        look,
      )
    return ok('processes', `${name} runs (process ${pid})`)
  })
}

/** Whether the next start could have its ports. Those of a run are its own. */
export async function checkPorts(
  { isLocked }: Pick<Patient, 'isLocked'>,
  ports: Ports = choosePorts(undefined),
): Promise<Finding> {
  if (isLocked) return skip('ports', 'a run holds its ports')
  try {
    const names = listeners.map(({ name }) => name).filter((name) => name !== 'gatewayMtls')
    await refuseTakenPorts(ports, names)
    return ok('ports', 'the usual ports are free')
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    const [message = ''] = error.message.split('. ')
    return warn(
      'ports',
      message,
      'End what holds them, or start with --port-base N, or --port-base 0 for any that are free',
    )
  }
}
