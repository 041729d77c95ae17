import { PopError, type Requirement } from '@pop-api/protocol'
import { challengeOf } from '../identify/challenge.ts'
import type { Identified } from '../identify/identify.ts'

/** How far the provider's clock may be ahead of ours, in seconds. */
const skewSecondsMax = 5
/** `acr` of a sign-in with a second factor. */
const secondFactor = 'pop-mfa'

/** Refuses with 401 a token that shows no second factor. */
export function requireSecondFactor({ caller, scheme }: Identified): void {
  if (caller.secondFactor !== 'missing') return
  throw new PopError('second-factor-required', 'The token shows no second factor.', {
    headers: insufficient(scheme, { acr_values: secondFactor }),
  })
}

/**
 * Refuses with 401 what a single operation asks for beside a role: a token that is bound to its caller, and a sign-in of late
 * (`auth_time`). Service clients are exempt from the second factor alone, so an operation with `max_age` is none for them.
 */
export function requireOfOperation(
  { caller, scheme, routed }: Identified,
  { bound, maxAgeSeconds }: Pick<Requirement, 'bound' | 'maxAgeSeconds'>,
  asksSecondFactor: boolean,
): void {
  if (bound === true && caller.binding === undefined)
    throw new PopError('binding-required', 'This operation takes no token that whoever finds it could use.', {
      headers: challengeOf('DPoP', { error: 'invalid_token' }),
    })
  if (maxAgeSeconds === undefined) return
  const age = routed.received.startedMs / 1000 - (caller.authTime ?? 0)
  if (caller.authTime !== undefined && age <= maxAgeSeconds && age >= -skewSecondsMax) return
  const detail = `Whoever calls this operation has signed in within the last ${maxAgeSeconds} seconds.`
  throw new PopError('authentication-too-old', detail, {
    // Without `acr_values` a client would come back from a sign-in that shows less.
    headers: insufficient(scheme, {
      ...(asksSecondFactor ? { acr_values: secondFactor } : {}),
      max_age: String(maxAgeSeconds),
    }),
    members: { max_age: maxAgeSeconds },
  })
}

/** RFC 9470 section 3: what the next sign-in has to be like. */
function insufficient(scheme: Identified['scheme'], wanted: Readonly<Record<string, string>>) {
  return challengeOf(scheme, { error: 'insufficient_user_authentication', ...wanted })
}
