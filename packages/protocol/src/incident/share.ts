import type { RevocationFacts } from './revocation.ts'

const subjectShape = /^(user|client):/

/**
 * Whose share of the room a revocation takes that an endpoint made: each holder has one for tokens and one for sessions, for whoever
 * makes and ends them without end would else fill the list for everybody. Undefined where it is nobody's: an order, or what the provider
 * said.
 */
export function shareOf({ kind, account }: RevocationFacts): string | undefined {
  if ((kind !== 'jti' && kind !== 'sid') || account === undefined || !subjectShape.test(account.by)) return undefined
  return `${kind} ${account.by}`
}
