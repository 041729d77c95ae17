import { PopError, verifyJws, type JwsRules, type VerifiedJws } from '@pop-api/protocol'
import type { Authenticator } from '../../identify/verify-token.ts'
import type { Provider } from '../../provider/provider.ts'
import type { Revocations } from '../../revoke/revocations.ts'

/** What endpoints that the provider calls work with. */
export interface ProviderMessages {
  readonly authenticator: Pick<Authenticator, 'keys' | 'rules' | 'nowMs'>
  /** The gateway's own client is whom a message must be for. */
  readonly provider: () => Pick<Provider, 'clientId'>
  readonly revocations: Pick<Revocations, 'add' | 'coversKey'>
}

/**
 * Verifies a JWS that the provider posts. Throws `oauth-request-invalid` for one that no key of the provider signed, or a key that was
 * revoked; `identity-unavailable` where that cannot be known now. Untrusted input.
 */
export async function verifyMessage(
  token: string,
  { authenticator, revocations }: ProviderMessages,
  rules: JwsRules,
): Promise<VerifiedJws> {
  const { keys, nowMs } = authenticator
  keys.assertFresh(nowMs())
  let jws = verifyJws(token, keys.find, rules)
  if (!jws.ok && jws.reason === 'unknown-key') {
    await keys.refetch()
    jws = verifyJws(token, keys.find, rules)
  }
  if (!jws.ok) throw badMessage(jws.detail)
  if (revocations.coversKey(jws.value.header.kid)) throw badMessage('The key of the message has been revoked.')
  return jws.value
}

/** The refusal of a message that is not right: 400 with `invalid_request`. */
export function badMessage(detail: string): PopError {
  return new PopError('oauth-request-invalid', detail)
}
