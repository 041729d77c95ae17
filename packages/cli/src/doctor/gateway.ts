import { askReadiness } from '../up/readiness.ts'
import { ask } from './ask.ts'
import { fail, ok, skip, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Whether the gateway answers, and what it says that it lacks. */
export async function checkGateway({ run, roots }: Pick<Patient, 'run' | 'roots'>): Promise<readonly Finding[]> {
  if (run === undefined) return [skip('gateway', 'nothing runs on this home')]
  const alive = await ask(new URL('/livez', run.operations), roots)
  if (!alive.answered || alive.status !== 200) {
    const why = alive.answered ? `/livez answered ${alive.status}` : alive.why
    return [fail('gateway', `${run.operations} does not answer: ${why}`, 'See: pop logs gateway')]
  }
  const { ready, faults } = await askReadiness(run)
  if (ready) return [ok('gateway', `${run.gateway} is ready`)]
  return faults.map((fault) => fail('gateway', `not ready: ${fault}`, 'See: pop logs gateway, and the checks below'))
}
