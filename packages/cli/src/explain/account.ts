import type { AuditEvent } from '@pop-api/audit'
import type { Needs } from '@pop-api/policy'
import { isProblemCode, problemCatalogue, type ProblemCode } from '@pop-api/protocol'
import type { Gathered } from './gather.ts'

/**
 * How a request ended. `denied`: by the policy of the gateway; `refused`: by another stage of it; `refused by the module`: that was
 * asked; `failed`: 5xx; `unknown`: announced and not closed, so that it may have happened.
 */
export type Outcome = 'passed' | 'denied' | 'refused' | 'refused by the module' | 'failed' | 'unknown'

/** What can be said of one request from its audit events. */
export interface Account {
  readonly outcome: Outcome
  /** The event that says most: the closing one, else the announcement, else what the front door or a module wrote. */
  readonly main: AuditEvent
  /** Why the policy decided as it did; undefined where it was not asked, or its reason was not kept. */
  readonly policyReason: string | undefined
  /** The problem of a refusal. */
  readonly problem: ProblemCode | undefined
  readonly gathered: Gathered
}

/** Reads the account out of the events. Undefined for events without any that tells it. */
export function accountOf(gathered: Gathered): Account | undefined {
  const { opening, closing, ofModules, counted } = gathered
  const main = closing ?? opening ?? ofModules[0]?.event ?? counted
  if (main === undefined) return undefined
  const problem = problemOf(gathered)
  const outcome = outcomeOf(gathered, problem)
  return {
    outcome,
    main,
    policyReason: policyReasonOf(gathered),
    problem: outcome === 'denied' ? 'permission-denied' : problem,
    gathered,
  }
}

/** What would have let a refused request pass, in sentences; empty for one that passed. `needs` are those of its operation now. */
export function remedies({ outcome, problem, main }: Account, needs: Needs | undefined): readonly string[] {
  if (outcome === 'passed') return []
  if (outcome === 'denied') return needs === undefined ? [unknownNeeds] : needSentences(needs)
  if (outcome === 'unknown') {
    return [
      'Whether it had an effect is unknown: the gateway or its machine ended meanwhile. Read the resource before trying again.',
    ]
  }
  if (problem === 'resource-not-found' && outcome === 'refused by the module') {
    return [
      `Either there is no ${main.resource_id === '-' ? 'such resource' : `resource ${main.resource_id}`}, or the caller may not know of it: it belongs to somebody else and is not public.`,
      ...(needs === undefined ? [] : needSentences(needs)),
    ]
  }
  if (problem === undefined) return []
  return [problemCatalogue[problem].advice]
}

const unknownNeeds =
  'What the operation needs is not known here: its module is not among those that the gateway of this home keeps.'

function needSentences({ role, module }: Needs): readonly string[] {
  const holders = (roles: readonly string[]): string =>
    roles.length === 0 ? 'no role has it now' : `now: ${roles.join(', ')}`
  const [only] = role
  const roleSentences =
    role.length === 1 && only !== undefined && only.ownership === 'any'
      ? [`A role with the permission ${only.permission} (${holders(only.roles)})`]
      : role.map(
          ({ ownership, permission, roles }) =>
            `${ofOwnership[ownership]} a role with ${permission} (${holders(roles)})`,
        )
  if (module === undefined) return roleSentences.map((sentence) => `${sentence}.`)
  const { permission, roles, exists } = module
  const moduleSentence = exists
    ? `And the module permission ${permission}, in the token or by a grant to a role (${holders(roles)}).`
    : `And the module permission ${permission}, which no module declares: neither a token nor a grant can carry it.`
  return [...roleSentences.map((sentence) => `${sentence}.`), moduleSentence]
}

const ofOwnership = {
  any: 'For any resource',
  own: 'For a resource of the caller’s own',
  public: 'For a public resource',
} as const

function outcomeOf({ opening, closing, ofModules, counted }: Gathered, problem: string | undefined): Outcome {
  if (closing === undefined && opening !== undefined) return 'unknown'
  const { code = 0, txn, decision } = closing ?? counted ?? ofModules[0]?.event ?? {}
  if (code >= 500) return 'failed'
  if (code < 400) return 'passed'
  if (txn !== undefined && ofModules.some(({ event }) => event.status !== 'success')) return 'refused by the module'
  return decision !== undefined && code === 403 && problem === undefined ? 'denied' : 'refused'
}

/** The gateway's problem, else the module's: where a module refused, the gateway's own reason is that of the policy. */
function problemOf({ closing, counted, ofModules }: Gathered): ProblemCode | undefined {
  const reasons = [closing?.reason, counted?.reason, ...ofModules.map(({ event }) => event.reason)]
  return reasons.find((reason) => isProblemCode(reason))
}

/** The sentence of the policy: the reason of the announcement, or of the closing event where that is no code. */
function policyReasonOf({ opening, closing }: Gathered): string | undefined {
  return [opening, closing]
    .filter((event) => event?.decision !== undefined)
    .map((event) => event?.reason)
    .find((reason) => reason !== undefined && !isProblemCode(reason))
}
