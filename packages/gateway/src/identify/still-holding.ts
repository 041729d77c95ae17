import type { Revocations } from '../revoke/revocations.ts'
import type { Caller } from './caller.ts'
import { tokenError } from './token-error.ts'

/** Gives a caller whose token verified, unless it has ended or was revoked: then it throws with 401. To be asked at each use. */
export function stillHolding(caller: Caller, revocations: Pick<Revocations, 'cover'>, nowMs: number): Caller {
  if (caller.exp * 1000 <= nowMs) throw tokenError('token-expired', 'The token has expired.')
  if (revocations.cover(caller)) throw tokenError('token-revoked', 'The token has been revoked.')
  return caller
}
