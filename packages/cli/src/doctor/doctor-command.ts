import { Command } from 'commander'
import { findGateway } from '../client/gateway.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Output } from '../print/output.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { findHome } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { diagnose } from './diagnose.ts'
import type { Finding, State } from './finding.ts'
import { examine } from './patient.ts'

const help = `
Each line is ok, warn, fail, or skip: what cannot be looked at now. Nothing is changed, and nothing secret is shown.
With --gateway it is the certificate, group and clock of that gateway that are looked at, wherever it runs.

Exit codes: 0 nothing fails, 1 something does.

Examples:
  pop doctor
  pop doctor --home /var/lib/pop --json
  pop doctor --gateway https://api.example --ca ca.pem
`

/** `pop doctor`: what is wrong, and what to do. */
export function doctorCommand({ out, environment }: Surroundings): Command {
  return new Command('doctor')
    .summary('what is wrong, and what to do')
    .description(
      'Looks at the machine, the settings and the home, and, where a run is there, at its processes, listeners, certificates, ' +
        'clocks, identity provider and modules.',
    )
    .option('--config <file>', 'the pop.yaml of the next start; else ./pop.yaml, else the one in the home')
    .addHelpText('after', help)
    .action(async (_options: unknown, command: Command) => {
      const home = await findHome(textOption(command, 'home'), environment)
      const config = textOption(command, 'config')
      const isRemote = textOption(command, 'gateway') !== undefined
      const remote = isRemote ? await findGateway(command, environment) : undefined
      const findings = await diagnose(await examine(home, config, remote), config)
      const failed = findings.filter(({ state }) => state === 'fail').length
      if (hasFlag(command, 'json')) await writeJson({ home, ok: failed === 0, findings }, out)
      else await tell(findings, out)
      if (failed === 0) return
      throw new CommandFailure(exitCodes.refused, failed === 1 ? 'one check fails' : `${failed} checks fail`)
    })
}

const styles = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const satisfies Record<State, string>

async function tell(findings: readonly Finding[], out: Output): Promise<void> {
  const width = Math.max(...findings.map(({ check }) => check.length))
  for (const { check, state, message, remedy } of findings) {
    await out.writeLine(
      `${out.paint(styles[state], state.padEnd(4))}  ${check.padEnd(width)}  ${printableLines(message)}`,
    )
    if (remedy !== undefined) await out.writeLine(`${' '.repeat(width + 8)}→ ${printableLines(remedy)}`)
  }
}
