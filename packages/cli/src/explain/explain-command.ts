import type { AuditEvent } from '@pop-api/audit'
import { needsOf, type Needs } from '@pop-api/policy'
import { problemCatalogue } from '@pop-api/protocol'
import { Command } from 'commander'
import { readKeptBulletin } from '../client/kept-bulletin.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { rulesOf } from '../policy/find-rules.ts'
import { writeJson } from '../print/json-line.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printPairs } from '../print/table.ts'
import { readableTime } from '../print/time.ts'
import { findHome } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { accountOf, remedies, type Account, type Outcome } from './account.ts'
import { gather } from './gather.ts'

const examples = `
What happened is told by the events; what it would have needed, by the policy and the modules as they are now.

Exit codes: 0 it was found, 1 the logs of the home do not have it, 2 there are no logs.

Examples:
  pop explain 39c4455b-98d5-455f-87e7-158524de5ee3
  pop explain 39c4455b-98d5-455f-87e7-158524de5ee3 --json
`

/** `pop explain`: one request, from the audit logs of a home. */
export function explainCommand(around: Surroundings): Command {
  return new Command('explain')
    .summary('why a request was refused, or let pass')
    .description(
      'Tells from the audit logs of the home who asked for what, which role and permission decided, what the module did, and, for a ' +
        'refusal, what would have let it pass. A refused client knows the decision and the request id.',
    )
    .argument('<id>', 'a decision, a request id or a transaction')
    .addHelpText('after', examples)
    .action(async (id: string, _options: unknown, command: Command) => {
      const home = await findHome(textOption(command, 'home'), around.environment)
      const gathered = await gather(home, id)
      const account = gathered === undefined ? undefined : accountOf(gathered)
      if (account === undefined) throw notFound(id, home)
      const needs = await needsNow(account, home)
      if (hasFlag(command, 'json')) await writeJson(jsonAccount(account, needs), around.out)
      else await tell(account, needs, around)
    })
}

function notFound(id: string, home: string): CommandFailure {
  const message = `no audit event of ${home} has the decision, request or transaction ${id}.
     Was it copied whole? A run with another home has its own logs: give it with --home. What the front door refuses is counted,
     and of each second only the first request id is kept. With audit_level: basic a read that succeeded leaves no event.
     See what there is: pop audit tail`
  return new CommandFailure(exitCodes.refused, message)
}

/** What the operation needs by the policy that the gateway of the home goes by now. */
async function needsNow({ main }: Account, home: string): Promise<Needs | undefined> {
  const kept = await readKeptBulletin(home)
  if (kept === undefined) return undefined
  const manifests = kept.modules.map(({ manifest }) => manifest)
  const { policy, operations } = rulesOf(kept, manifests, kept.path)
  const operation = operations.find(({ id }) => id === main.operation)
  return operation === undefined ? undefined : needsOf(policy, operation.requires)
}

const titles: Readonly<Record<Outcome, string>> = {
  passed: 'Passed',
  denied: 'Denied by the policy',
  refused: 'Refused by the gateway',
  'refused by the module': 'Refused by the module',
  failed: 'Failed',
  unknown: 'Outcome unknown',
}

async function tell(account: Account, needs: Needs | undefined, { out }: Surroundings): Promise<void> {
  const { outcome, main, problem, gathered } = account
  const style = outcome === 'passed' ? 'green' : outcome === 'unknown' ? 'yellow' : 'red'
  const what = main.operation ?? main.action
  await out.writeLine(printableLines(`${out.paint(style, titles[outcome])}: ${main.user} – ${what}`))
  await printPairs(
    [
      ['when', `${readableTime(Date.parse(main.timestamp), Date.now())}${tookOf(main)}`],
      ['who', whoOf(main)],
      ['operation', `${what} of ${main.service}`],
      ['resource', resourceOf(account)],
      ['policy', policyText(account)],
      ['module', moduleText(account)],
      [
        'answer',
        `${main.code ?? 'none'}${problem === undefined ? '' : ` ${problem}: ${problemCatalogue[problem].title}`}`,
      ],
      ['request', gathered.requestId],
      ['decision', main.decision ?? '-'],
      ['transaction', main.txn ?? '-'],
    ],
    out,
  )
  const sentences = remedies(account, needs)
  if (sentences.length === 0) return
  const head = outcome === 'denied' ? 'What it would have needed' : 'What to do'
  await out.writeLine(
    `\n${out.paint('bold', head)}\n${printableLines(sentences.map((text) => `  ${text}`).join('\n'))}`,
  )
}

function whoOf({ user, subject, session, ip_address }: AuditEvent): string {
  const known = subject === undefined ? 'nobody was identified' : subject
  return `${user} (${known}${session === undefined ? '' : `, session ${session}`}), from ${ip_address}`
}

/** A gateway knows no resource that stands in a body; the module does. */
function resourceOf({ main, gathered }: Account): string {
  if (main.resource_id !== '-') return main.resource_id
  return gathered.ofModules.find(({ event }) => event.resource_id !== '-')?.event.resource_id ?? '-'
}

function tookOf({ latency_ms }: AuditEvent): string {
  return typeof latency_ms === 'number' ? `, took ${Math.round(latency_ms)} ms` : ''
}

function policyText({ policyReason, outcome, main }: Account): string {
  if (outcome === 'denied') return `denied: ${policyReason ?? 'the reason was not kept'}`
  if (policyReason !== undefined) return `allowed: ${policyReason}`
  return main.decision === undefined ? 'was not asked' : 'allowed; by which role was not recorded'
}

function moduleText({ gathered: { ofModules }, main }: Account): string {
  const parts = ofModules.map(({ process, event: { operation, status, code, reason, latency_ms } }) => {
    const why = reason === undefined ? '' : `, ${reason}`
    const took = typeof latency_ms === 'number' ? `, ${Math.round(latency_ms)} ms` : ''
    return `${process}: ${operation ?? 'an operation'}: ${status} ${code ?? ''}${why}${took}`
  })
  if (parts.length > 0) return parts.join('; ')
  return main.txn === undefined ? 'was not asked' : 'was to be asked; it recorded nothing under this request'
}

function jsonAccount(account: Account, needs: Needs | undefined) {
  const { outcome, main, policyReason, problem, gathered } = account
  const { requestId, opening, closing, ofModules, counted } = gathered
  const { user, subject, session, ip_address, operation, service, decision, txn, code } = main
  return {
    outcome,
    request_id: requestId,
    decision,
    txn,
    caller: { user, subject, session, ip_address },
    operation,
    service,
    resource_id: resourceOf(account),
    policy_reason: policyReason,
    problem,
    code,
    needs,
    remedies: remedies(account, needs),
    events: [
      ...[opening, closing, counted]
        .filter((event) => event !== undefined)
        .map((event) => ({ ...event, log: 'gateway' })),
      ...ofModules.map(({ process, event }) => ({ ...event, log: process })),
    ],
  }
}
