import { PopError } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { stillHolding } from '../../identify/still-holding.ts'
import { verifyToken, type Authenticator } from '../../identify/verify-token.ts'
import type { Lockout } from '../../lockout/lockout.ts'
import type { Grant, Provider } from '../../provider/provider.ts'
import type { Notes, OpenOperation, OpenRequest } from '../operation.ts'
import { jsonAnswer } from '../serve.ts'
import { readClient } from './client.ts'
import type { EndSessionOptions } from './end-session.ts'
import { asSubject } from './exchanged.ts'
import { readForm, requireParameter } from './form.ts'
import { grantTypes, readGrant, type GrantRules } from './read-grant.ts'
import { asOldAs } from './refreshed.ts'
import { endReplayed } from './replayed.ts'
import { SignInRefused } from './sign-in-refused.ts'

/** What the endpoints under `/oauth` work with. */
export interface SignInOptions extends GrantRules {
  readonly provider: () => Provider
  readonly authenticator: Authenticator
}

export interface TokenOptions extends SignInOptions, Pick<EndSessionOptions, 'revocations' | 'nowMs'> {
  readonly lockout: Pick<Lockout, 'guard'>
}

/**
 * `POST /oauth/token`: a grant of the provider, asked for as the gateway's own client unless the form names another. The token is
 * verified here like any other before it is handed on, so that nobody is given one that the gateway would refuse.
 */
export function tokenOperation(options: TokenOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/token',
    summary: 'Sign in, or refresh a sign-in',
    action: 'sign_in',
    serve: (request) => grantToken(request, options),
  }
}

async function grantToken({ received, body, notes }: OpenRequest, options: TokenOptions): Promise<Answer> {
  const form = readForm({ received, body, notes })
  const client = readClient(received.fields, form)
  const type = requireParameter(form, 'grant_type')
  if (client !== undefined) notes.account = client.id
  const parameters = readGrant(type, { form, client, notes, rules: options })
  const forward = (): Promise<Grant> => options.provider().grant(type, parameters, client)
  const { username: account } = parameters
  const { address, requestId } = received
  // The password grant alone names somebody; every other way in is counted by the provider.
  const ask = (): Promise<Grant> =>
    account === undefined ? forward() : options.lockout.guard({ account, address, requestId }, forward)
  const grant = await askProvider(ask, type, notes, options)
  const { refresh_token: refreshToken, subject_token: subjectToken } = parameters
  notes.caller = await verifyGranted(grant, { type, refreshToken, subjectToken }, options)
  return tokenAnswer(grant)
}

async function askProvider(
  ask: () => Promise<Grant>,
  type: string,
  notes: Notes,
  options: TokenOptions,
): Promise<Grant> {
  try {
    return await ask()
  } catch (error) {
    const isPending = error instanceof PopError && ['authorization-pending', 'polling-too-fast'].includes(error.code)
    // A device asks again and again while its person signs in elsewhere: that is no sign-in that was refused.
    if (isPending) notes.action = 'device_poll'
    await endReplayed(error, notes, options)
    const isDenied = error instanceof PopError && error.code === 'sign-in-cancelled'
    // No person was asked here: it is a rule of the provider.
    if (type === grantTypes.tokenExchange && isDenied)
      throw new PopError('grant-unsupported', 'The identity provider does not let this client exchange this token.', {
        cause: error,
      })
    throw error
  }
}

/** The grant, and the token that it gave another one for. */
interface Asked {
  readonly type: string
  readonly refreshToken: string | undefined
  readonly subjectToken: string | undefined
}

/** A token for a session that was ended here meanwhile, or without the second factor, is as good as a refused sign-in. */
async function verifyGranted(
  { accessToken }: Grant,
  { type, refreshToken, subjectToken }: Asked,
  { authenticator, requireSecondFactor }: SignInOptions,
) {
  try {
    const caller = await verifyToken(accessToken, authenticator)
    if (refreshToken !== undefined)
      stillHolding(asOldAs(refreshToken, caller), authenticator.revocations, authenticator.nowMs())
    if (subjectToken !== undefined)
      stillHolding(asSubject(subjectToken, caller), authenticator.revocations, authenticator.nowMs())
    if (requireSecondFactor() && caller.secondFactor === 'missing') throw new SignInRefused('second-factor-unproven')
    return caller
  } catch (error) {
    if (!(error instanceof PopError) || error.code === 'sign-in-refused') throw error
    if (error.code === 'token-revoked') throw new SignInRefused('session-ended', error)
    // The keys cannot be had now: nothing is known of the token.
    if (error.status >= 500) throw error
    // With its `audience` a service can ask for a token that is meant for somebody else.
    if (type === grantTypes.tokenExchange)
      throw new PopError('oauth-request-invalid', 'This exchange gives a token that is not for this API.', {
        cause: error,
      })
    // The provider gave a token that is not for us: nothing that the client could mend.
    throw new PopError('identity-unavailable', 'The identity provider gave a token that does not verify.', {
      cause: error,
    })
  }
}

function tokenAnswer({ accessToken, refreshToken, expiresIn, scope, issuedTokenType }: Grant): Answer {
  return jsonAnswer(
    200,
    {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(scope === undefined ? {} : { scope }),
      ...(issuedTokenType === undefined ? {} : { issued_token_type: issuedTokenType }),
    },
    ['pragma', 'no-cache'],
  )
}
