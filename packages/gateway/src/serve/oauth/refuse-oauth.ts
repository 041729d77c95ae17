import { problemOf, type PopError, type ProblemCode } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { jsonAnswer } from '../serve.ts'

/** Our code → the `error` of RFC 6749 section 5.2. */
const errors: Readonly<Partial<Record<ProblemCode, string>>> = {
  'sign-in-refused': 'invalid_grant',
  'client-refused': 'invalid_client',
  'grant-unsupported': 'unsupported_grant_type',
  'authorization-pending': 'authorization_pending',
  'polling-too-fast': 'slow_down',
  'sign-in-cancelled': 'access_denied',
  'device-code-expired': 'expired_token',
  'identity-unavailable': 'temporarily_unavailable',
  'rate-limited': 'temporarily_unavailable',
  draining: 'temporarily_unavailable',
  'audit-unavailable': 'temporarily_unavailable',
  'revocation-unavailable': 'temporarily_unavailable',
}

/**
 * A refusal under `/oauth` as OAuth clients read it: `application/json` with `error` and `error_description`, and the members of
 * the problem document beside them.
 */
export function refuseOAuth(error: PopError, requestId: string): Answer {
  const problem = problemOf(error, requestId)
  const name = errors[error.code] ?? (error.status >= 500 ? 'server_error' : 'invalid_request')
  const fields = Object.entries(error.headers).flat()
  return jsonAnswer(error.status, { error: name, error_description: error.message, ...problem }, fields)
}
