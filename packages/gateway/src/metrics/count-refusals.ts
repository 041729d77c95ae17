import type { Registry } from 'prom-client'
import type { PopError, ProblemCode } from '@pop-api/protocol'
import { SealFailure } from '../forward/seal-failure.ts'
import { TokenRefused } from '../identify/token-error.ts'
import type { Progress, Stage } from '../progress.ts'
import { SignInRefused } from '../serve/oauth/sign-in-refused.ts'
import { nameOf } from './count-requests.ts'
import { openCounter, type Series } from './instruments.ts'

/** Refusals, by where and why. */
export interface RefusalTally {
  readonly count: (progress: Progress, failure: PopError) => void
  readonly countAtDoor: (code: ProblemCode) => void
  readonly rows: Series['rows']
}

/** Registers the counters of refusals, and those of tokens, sign-ins and seals that failed. */
export function openRefusalTally(registry: Registry): RefusalTally {
  const refusals = openCounter(registry, 'pop_refusals_total')
  const tokens = openCounter(registry, 'pop_token_failures_total')
  const signIns = openCounter(registry, 'pop_sign_in_failures_total')
  const seals = openCounter(registry, 'pop_seal_failures_total')
  return {
    rows: refusals.rows,
    countAtDoor: (code) => refusals.of('receive', code).inc(),
    count: ({ stage, routed, action }, failure) => {
      refusals.of(stage, failure.code).inc()
      const fault = tokenFault(stage, failure)
      if (fault !== undefined) tokens.of(fault).inc()
      const destination = routed?.destination
      if (destination?.kind === 'open' && destination.action === 'sign_in')
        signIns.of(action ?? destination.action, signInFault(failure)).inc()
      if (failure instanceof SealFailure) seals.of(nameOf(destination)[0], failure.side, failure.reason).inc()
    },
  }
}

/** What was wrong with a credential; undefined for a refusal that is about something else. */
function tokenFault(stage: Stage, failure: PopError): string | undefined {
  if (failure instanceof TokenRefused) return failure.fault
  if (stage === 'identify' || failure.code === 'second-factor-required') return failure.code
  // A token may end between its check and the token that is minted by it.
  return failure.code === 'token-expired' ? failure.code : undefined
}

/** What was wrong with a sign-in: the code, or what only the gateway knows of it. */
function signInFault(failure: PopError): string {
  return failure instanceof SignInRefused ? failure.fault : failure.code
}
