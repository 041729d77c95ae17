import { isPlainText, PopError } from '@pop-api/protocol'
import { ResponseBodyError } from 'openid-client'
import type { Notes } from '../operation.ts'
import { untilTokensEnd, type EndSessionOptions } from './end-session.ts'

/**
 * A code or a refresh token that comes a second time was stolen, and the provider has ended the session that it began (RFC 9700
 * sections 2.1.1 and 4.14.2): one that says which (`pop-session`) ends its access tokens here too, at once.
 */
export async function endReplayed(
  failure: unknown,
  notes: Notes,
  { revocations, nowMs, authenticator }: Pick<EndSessionOptions, 'revocations' | 'nowMs' | 'authenticator'>,
): Promise<void> {
  const { cause } = failure instanceof PopError ? failure : {}
  const sid = cause instanceof ResponseBodyError ? cause.response.headers.get('pop-session') : undefined
  if (!isPlainText(sid, 128)) return
  notes.session = sid
  const at = Math.floor(nowMs() / 1000)
  const account = { reason: 'a code or refresh token was used twice', by: 'the identity provider', at }
  // The provider has ended it, so that nothing of it is refreshed any more.
  const until = untilTokensEnd(at, authenticator.rules())
  await revocations.add([{ kind: 'sid', value: sid, until, account }])
}
