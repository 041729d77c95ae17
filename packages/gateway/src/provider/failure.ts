import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { PopError } from '@pop-api/protocol'
import { clientRefused } from '../serve/oauth/client.ts'

/**
 * What a failed call to the provider means to our client. `asked` says whose credentials were used: that the gateway's own are
 * refused is nothing that a client could mend.
 */
export function providerFailure(error: unknown, asked: 'own' | 'named'): PopError {
  return error instanceof PopError ? error : failureOfCode(oauthErrorOf(error), asked, error)
}

/** The same for the `error` of an OAuth answer; undefined for anything that was no such answer. */
export function failureOfCode(code: string | undefined, asked: 'own' | 'named', error: unknown): PopError {
  if (asked === 'own' && (code === 'invalid_client' || code === 'unauthorized_client')) return unavailable(error)
  switch (code) {
    case 'invalid_grant':
      return new PopError('sign-in-refused', 'The credentials are not valid.', { cause: error })
    case 'authorization_pending':
      return new PopError('authorization-pending', 'Nobody has signed in for this device yet.', { cause: error })
    case 'slow_down':
      return new PopError('polling-too-fast', 'Ask less often: five seconds more between two questions.', {
        cause: error,
      })
    case 'access_denied':
      return new PopError('sign-in-cancelled', 'The person refused the sign-in, or left it.', { cause: error })
    case 'expired_token':
      return new PopError('device-code-expired', 'Nobody signed in for this device in time.', { cause: error })
    case 'invalid_client':
      return clientRefused(error)
    case 'unauthorized_client':
    case 'unsupported_grant_type':
      return new PopError('grant-unsupported', 'This client may not use this grant type.', { cause: error })
    case 'invalid_request':
    case 'invalid_scope':
    case 'invalid_target':
    case 'unsupported_token_type':
      return new PopError('oauth-request-invalid', 'The identity provider does not take this request.', {
        cause: error,
      })
    default:
      return unavailable(error)
  }
}

/** The `error` of an OAuth answer; undefined where there was no such answer. A challenge at the token endpoint is `invalid_client`. */
function oauthErrorOf(error: unknown): string | undefined {
  if (error instanceof WWWAuthenticateChallengeError) return 'invalid_client'
  // Keycloak says `unauthorized_client` of a wrong secret as well; with 401 it is about who the client is (RFC 6749 section 5.2).
  if (error instanceof ResponseBodyError && error.status === 401 && error.error === 'unauthorized_client')
    return 'invalid_client'
  return error instanceof ResponseBodyError && error.status < 500 ? error.error : undefined
}

function unavailable(cause: unknown): PopError {
  return new PopError('identity-unavailable', 'The identity provider cannot be asked now.', {
    cause,
    headers: { 'retry-after': '5' },
  })
}
