import { CommandFailure } from '../command-failure.ts'
import { checkClocks } from './clock.ts'
import { fail, type Finding } from './finding.ts'
import { checkGateway } from './gateway.ts'
import { checkAudit, checkHome, checkLock } from './home.ts'
import { checkKeys } from './keys.ts'
import { checkDisk, checkRuntime } from './machine.ts'
import { checkModules } from './modules.ts'
import type { Patient } from './patient.ts'
import { checkPorts, checkProcesses } from './processes.ts'
import { checkProvider } from './provider.ts'
import { checkSeparation } from './separation.ts'
import { checkSettings } from './settings.ts'
import { checkTls } from './tls.ts'

type Check = () => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>

/** All checks in the order in which a fault of one explains those of the next. A check that fails itself is a finding. */
export async function diagnose(patient: Patient, config: string | undefined): Promise<readonly Finding[]> {
  const checks: readonly (readonly [string, Check])[] = [
    ['runtime', () => checkRuntime()],
    ['disk', () => checkDisk(patient.home)],
    ['settings', () => checkSettings(patient.home, config)],
    ['home', () => checkHome(patient)],
    ['keys', () => checkKeys(patient)],
    ['audit', () => checkAudit(patient)],
    ['lock', () => checkLock(patient)],
    ['ports', () => checkPorts(patient)],
    ['processes', () => checkProcesses(patient)],
    ['gateway', () => checkGateway(patient)],
    ['tls', () => checkTls(patient)],
    ['clocks', () => checkClocks(patient)],
    ['provider', () => checkProvider(patient)],
    ['modules', () => checkModules(patient)],
    ['separation', () => checkSeparation(patient)],
  ]
  const findings: Finding[] = []
  for (const [name, check] of checks) findings.push(...(await findingsOf(name, check)))
  return findings
}

async function findingsOf(name: string, check: Check): Promise<readonly Finding[]> {
  try {
    return [await check()].flat()
  } catch (error) {
    // What the check reads is not as it must be: the message says what, and the other checks go on.
    if (error instanceof CommandFailure) return [fail(name, error.message, 'Mend that, then ask again')]
    const why = error instanceof Error ? error.message : String(error)
    return [fail(name, `this check could not be made: ${why}`, 'Report it, with `pop doctor --json`')]
  }
}
