import type { Command } from 'commander'
import { initCommand } from '../commands/init.ts'
import { devCommand } from '../dev/dev-command.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { doctorCommand } from '../doctor/doctor-command.ts'
import { realmCommand } from '../realm/realm-command.ts'
import { downCommand } from './down-command.ts'
import { logsCommand } from './logs-command.ts'
import { resetCommand } from './reset-command.ts'
import { statusCommand } from './status-command.ts'
import { upCommand } from './up-command.ts'

/** Adds the commands of the supervisor and of its home to `pop`; they read `--home` and `--json` of `pop` itself. */
export function registerSupervisor(program: Command, around: Surroundings): void {
  for (const make of [
    initCommand,
    upCommand,
    downCommand,
    statusCommand,
    doctorCommand,
    logsCommand,
    resetCommand,
    devCommand,
    realmCommand,
  ]) {
    program.addCommand(make(around))
  }
}
