import { PopError } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { ownerOfToken } from '../../identify/verify-token.ts'
import type { Caller } from '../../identify/caller.ts'
import type { Revocations } from '../../revoke/revocations.ts'
import type { Notes, OpenOperation, OpenRequest } from '../operation.ts'
import { readClient, type ClientCredentials } from './client.ts'
import { readForm, requireParameter } from './form.ts'
import type { SignInOptions } from './token.ts'

export interface EndSessionOptions extends SignInOptions {
  readonly revocations: Revocations
  readonly nowMs: () => number
}

/** No session of a provider lives longer than this, whatever is refreshed meanwhile. */
const sessionSecondsMax = 30 * 86_400

/** `POST /oauth/revoke` (RFC 7009): ends an access token, or the session of a refresh token. 200 also for a token that holds no more. */
export function revokeOperation(options: EndSessionOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/revoke',
    summary: 'Revoke a token',
    action: 'token_revocation',
    serve: (request) => revoke(request, options),
  }
}

/** `POST /oauth/logout`: ends the session of a refresh token or of an access token, here and at the provider. */
export function logoutOperation(options: EndSessionOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/logout',
    summary: 'Sign out',
    action: 'sign_out',
    serve: (request) => logOut(request, options),
  }
}

async function revoke(request: OpenRequest, options: EndSessionOptions): Promise<Answer> {
  const form = readForm(request)
  const token = requireParameter(form, 'token')
  const client = readClient(request.received.fields, form)
  const caller = await ownerOfToken(token, options.authenticator)
  if (caller === undefined) await endSessionOf(token, client, request.notes, options)
  else {
    request.notes.caller = caller
    // On our own list first: should the provider be away, the token is refused here all the same.
    await options.revocations.add({ kind: 'jti', id: caller.jti, until: caller.exp })
    await revokeAtProvider(token, caller, client, options)
  }
  return emptyAnswer(200)
}

async function logOut(request: OpenRequest, options: EndSessionOptions): Promise<Answer> {
  const form = readForm(request)
  const client = readClient(request.received.fields, form)
  const refreshToken = form.get('refresh_token')
  const token = form.get('token')
  if (refreshToken === undefined && token === undefined)
    throw new PopError('oauth-request-invalid', 'Give refresh_token, or token with an access token.')
  const caller = token === undefined ? undefined : await ownerOfToken(token, options.authenticator)
  if (caller !== undefined) {
    request.notes.caller = caller
    if (caller.sid !== undefined) await listSession(caller.sid, request.notes, options)
    // A service client has no session, only its token.
    else await options.revocations.add({ kind: 'jti', id: caller.jti, until: caller.exp })
  }
  const ended = refreshToken !== undefined && (await endSessionOf(refreshToken, client, request.notes, options))
  if (!ended && caller === undefined)
    throw new PopError('sign-in-refused', 'There is no session of this token: nothing was ended.')
  if (!ended && token !== undefined && caller !== undefined) await revokeAtProvider(token, caller, client, options)
  return emptyAnswer(204)
}

/** The provider takes a token only from the client that it was issued to; our own list holds for all of them. */
async function revokeAtProvider(
  token: string,
  { clientId }: Caller,
  client: ClientCredentials | undefined,
  options: EndSessionOptions,
): Promise<void> {
  const provider = options.provider()
  if (clientId === (client?.id ?? provider.clientId)) await provider.revoke(token, client)
}

/** Ends the session of a refresh token at the provider and here; false where there is none. */
async function endSessionOf(
  refreshToken: string,
  client: ClientCredentials | undefined,
  notes: Notes,
  options: EndSessionOptions,
): Promise<boolean> {
  try {
    const sid = await options.provider().endSession(refreshToken, client)
    if (sid !== undefined) await listSession(sid, notes, options)
    return true
  } catch (error) {
    if (error instanceof PopError && error.code === 'sign-in-refused') return false
    throw error
  }
}

async function listSession(sid: string, notes: Notes, { revocations, nowMs }: EndSessionOptions): Promise<void> {
  notes.session = sid
  const until = Math.ceil(nowMs() / 1000) + sessionSecondsMax
  await revocations.add({ kind: 'sid', id: sid, until })
}

function emptyAnswer(status: 200 | 204): Answer {
  return { status, fields: status === 200 ? ['content-length', '0'] : [], body: Buffer.alloc(0) }
}
