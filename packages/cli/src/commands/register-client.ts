import type { Command } from 'commander'
import type { Surroundings } from '../print/surroundings.ts'
import { auditCommand } from './audit.ts'
import { callCommand } from './call.ts'
import { completionCommand } from './completion/completion.ts'
import { configCommand } from './config.ts'
import { explainCommand } from '../explain/explain-command.ts'
import { incidentCommand } from '../incident/incident-command.ts'
import { loginCommand } from './login.ts'
import { logoutCommand } from './logout.ts'
import { operationsCommand } from './operations.ts'
import { userCommand } from '../people/user-command.ts'
import { policyCommand } from '../policy/policy-command.ts'
import { tokenCommand } from './token.ts'

/** Adds the commands that speak to a gateway or look at what it left; they read the options of `pop` itself. */
export function registerClient(program: Command, around: Surroundings): void {
  program.commandsGroup('Calls:')
  for (const make of [loginCommand, logoutCommand, tokenCommand, callCommand, operationsCommand]) {
    program.addCommand(make(around))
  }
  program.commandsGroup('People and incidents:')
  program.addCommand(userCommand(around))
  program.addCommand(incidentCommand(around))
  program.commandsGroup('Records and settings:')
  for (const make of [auditCommand, explainCommand, policyCommand, configCommand]) program.addCommand(make(around))
  program.commandsGroup('Shell:')
  program.addCommand(completionCommand(program, around))
}
