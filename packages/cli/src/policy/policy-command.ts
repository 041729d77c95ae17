import { Command } from 'commander'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { faultLine } from '../up/find-settings.ts'
import { hasFlag } from '../up/words.ts'
import { readCases } from './cases.ts'
import { addRulesOptions, findRules, readDocument } from './find-rules.ts'
import { policyMatrix, type MatrixRow } from './matrix.ts'
import { failureText, runCase, type CaseResult } from './run-case.ts'

const matrixHelp = `
A cell is "yes", the ownerships within which the operation is allowed (own, public, any), or "-". Without a manifest the rows are
the permissions that the settings name.

Examples:
  pop policy matrix
  pop policy matrix --config pop.yaml --manifest notes.json --csv > matrix.csv
`

const testHelp = `
FILE is a list of cases in YAML or JSON; "permissions" are those of the token, "scope" is the exact set of ownerships:
  - { roles: [user], operation: "GET /v1/kafka/topics/{topic}", expect: allow, scope: [own] }
  - { roles: [reader], operation: "POST /v1/kafka/topics", expect: deny }
  - { roles: [user], permissions: [kafka.delete], operation: "DELETE /v1/kafka/topics/{topic}", expect: deny }

Exit codes: 0 every case is as expected, 1 one is not, 2 the file or the settings are not usable.

Example:
  pop policy test cases.yaml --config pop.yaml
`

/** `pop policy`: who may do what, and whether that is what was meant. */
export function policyCommand(around: Surroundings): Command {
  const policy = new Command('policy')
    .helpCommand(false)
    .summary('who may do what, and whether that is as meant')
    .description('Asks the policy, with the decision function of the gateway.')
  return policy.addCommand(matrixCommand(around)).addCommand(testCommand(around))
}

function matrixCommand(around: Surroundings): Command {
  const matrix = new Command('matrix')
    .summary('every operation for every role')
    .description('Shows what each role alone may do. A token can carry further module permissions of its own.')
    .option('--csv', 'comma-separated values (RFC 4180)')
    .addHelpText('after', matrixHelp)
  return addRulesOptions(matrix).action(async (_options: unknown, command: Command) => {
    if (hasFlag(command, 'csv') && hasFlag(command, 'json')) throw usageFailure('give --csv or --json, not both')
    const found = await findRules(command, around)
    const rows = policyMatrix(found)
    if (hasFlag(command, 'json')) await writeJson({ from: found.from, rows: rows.map(jsonRow) }, around.out)
    else await writeMatrix(rows, found.from, hasFlag(command, 'csv'), around)
  })
}

function jsonRow({ kind, name, module, cells }: MatrixRow) {
  const roles = cells.map(({ role, outcome, text, reason }) => [role, { outcome, within: text, reason }])
  return { kind, name, module, roles: Object.fromEntries(roles) }
}

async function writeMatrix(rows: readonly MatrixRow[], from: string, isCsv: boolean, { out, err }: Surroundings) {
  const [first] = rows
  const isOfOperations = first?.kind === 'operation'
  const titles = [
    isOfOperations ? 'OPERATION' : 'PERMISSION',
    'MODULE',
    ...(first?.cells ?? []).map(({ role }) => role),
  ]
  const lines = rows.map(({ name, module, cells }) => [name, module ?? '-', ...cells.map(({ text }) => text)])
  if (isCsv) {
    await out.write([titles, ...lines].map((line) => `${line.map(csvField).join(',')}\r\n`).join(''))
    return
  }
  await printTable(
    titles.map((title) => ({ title })),
    lines,
    out,
  )
  const hint = isOfOperations ? '' : ' Give a manifest with --manifest to see operations.'
  await err.writeLine(err.paint('dim', printableLines(`From ${from}.${hint}`)))
}

/** RFC 4180 section 2. A field that a spreadsheet would take for a formula cannot begin here: names are words. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function testCommand(around: Surroundings): Command {
  const test = new Command('test')
    .summary('compare the policy with a file of cases')
    .description('Tries each case of a file and shows those that the policy decides otherwise, with its reason.')
    .argument('<file>', 'the cases')
    .addHelpText('after', testHelp)
  return addRulesOptions(test).action(async (file: string, _options: unknown, command: Command) => {
    const { policy, operations, from } = await findRules(command, around)
    if (operations.length === 0) {
      throw usageFailure(`there are no operations to test in ${from}: start the system once, or give --manifest FILE`)
    }
    const { value, lineOf } = await readDocument(file)
    const read = readCases(value, operations, policy, lineOf)
    if (!read.ok) {
      throw usageFailure(`${file} is not usable:${read.faults.map((fault) => `\n${faultLine(file, fault)}`).join('')}`)
    }
    const results = read.cases.map((tried) => runCase(policy, tried))
    const failed = results.filter(({ passed }) => !passed)
    if (hasFlag(command, 'json')) {
      await writeJson({ from, ok: failed.length === 0, cases: results.map(jsonCase) }, around.out)
    } else {
      const lines = failed.map((result) => `${file}:${failureText(result)}\n`).join('')
      await around.out.write(printableLines(lines))
    }
    const count = results.length === 1 ? 'one case' : `${results.length} cases`
    if (failed.length > 0) throw new CommandFailure(exitCodes.refused, `${failed.length} of ${count} failed`)
    if (!hasFlag(command, 'json')) await around.out.writeLine(`${count}: all as expected`)
  })
}

function jsonCase({ tried, decision, passed }: CaseResult) {
  const { line, roles, permissions, operation, expect, scope } = tried
  const within = decision.outcome === 'allow' ? { scope: decision.ownerships } : {}
  const { outcome, rule, reason } = decision
  const found = { outcome, rule, reason, ...within }
  return {
    line,
    roles,
    permissions,
    operation: operation.id,
    expect,
    ...(scope === undefined ? {} : { scope }),
    found,
    passed,
  }
}
