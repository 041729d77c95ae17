import { PopError } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { verifyToken, type Authenticator } from '../../identify/verify-token.ts'
import type { Grant, Provider } from '../../provider/provider.ts'
import type { Notes, OpenOperation, OpenRequest } from '../operation.ts'
import { jsonAnswer } from '../serve.ts'
import { clientRefused, readClient } from './client.ts'
import { readForm, requireParameter } from './form.ts'
import { SignInRefused } from './sign-in-refused.ts'

/** What the endpoints under `/oauth` work with. */
export interface SignInOptions {
  readonly provider: () => Provider
  readonly authenticator: Authenticator
  readonly requireSecondFactor: () => boolean
}

type Parameters = Readonly<Record<string, string>>

/**
 * `POST /oauth/token`: a grant of the provider, asked for as the gateway's own client unless the form names another. The token is
 * verified here like any other before it is handed on, so that nobody is given one that the gateway would refuse.
 */
export function tokenOperation(options: SignInOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/token',
    summary: 'Sign in, or refresh a sign-in',
    action: 'sign_in',
    serve: (request) => grantToken(request, options),
  }
}

async function grantToken(request: OpenRequest, options: SignInOptions): Promise<Answer> {
  const form = readForm(request)
  const client = readClient(request.received.fields, form)
  const type = requireParameter(form, 'grant_type')
  if (client !== undefined) request.notes.account = client.id
  const parameters = readGrant(type, form, request.notes, options)
  if (type === 'client_credentials' && client === undefined) throw clientRefused()
  const grant = await options.provider().grant(type, parameters, client)
  request.notes.caller = await verifyGranted(grant, options)
  return tokenAnswer(grant)
}

function readGrant(
  type: string,
  form: ReadonlyMap<string, string>,
  notes: Notes,
  { requireSecondFactor }: SignInOptions,
): Parameters {
  const scope = form.get('scope')
  const asked = scope === undefined ? {} : { scope }
  if (type === 'client_credentials') return asked
  if (type === 'refresh_token') {
    notes.action = 'token_refresh'
    return { refresh_token: requireParameter(form, 'refresh_token'), ...asked }
  }
  if (type !== 'password') throw new PopError('grant-unsupported', 'The grant type is not one of those offered.')
  const username = (notes.account = requireParameter(form, 'username'))
  const password = requireParameter(form, 'password')
  const totp = form.get('totp')
  // A password without a code can lead to nothing; forwarded, it would only count as a failure against the account.
  if (requireSecondFactor() && !/^[0-9]{6,8}$/.test(totp ?? '')) throw new SignInRefused('second-factor-missing')
  return { username, password, ...(totp === undefined ? {} : { totp }), ...asked }
}

/** A token for a session that was ended here meanwhile, or without the second factor, is as good as a refused sign-in. */
async function verifyGranted({ accessToken }: Grant, { authenticator, requireSecondFactor }: SignInOptions) {
  try {
    const caller = await verifyToken(accessToken, authenticator)
    if (requireSecondFactor() && caller.secondFactor === 'missing') throw new SignInRefused('second-factor-unproven')
    return caller
  } catch (error) {
    if (!(error instanceof PopError) || error.code === 'sign-in-refused') throw error
    if (error.code === 'token-revoked') throw new SignInRefused('session-ended', error)
    // The provider gave a token that is not for us: nothing that the client could mend.
    throw new PopError('identity-unavailable', 'The identity provider gave a token that does not verify.', {
      cause: error,
    })
  }
}

function tokenAnswer({ accessToken, refreshToken, expiresIn, scope }: Grant): Answer {
  return jsonAnswer(
    200,
    {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(scope === undefined ? {} : { scope }),
    },
    ['pragma', 'no-cache'],
  )
}
