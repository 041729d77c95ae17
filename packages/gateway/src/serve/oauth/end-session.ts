import { lastingUntil, PopError, type RevocationFacts } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { ownerOfToken } from '../../identify/verify-token.ts'
import type { Caller } from '../../identify/caller.ts'
import type { Revocations } from '../../revoke/revocations.ts'
import type { Notes, OpenOperation, OpenRequest } from '../operation.ts'
import { readClient, type ClientCredentials } from './client.ts'
import { readForm, requireParameter } from './form.ts'
import type { SignInOptions } from './token.ts'

export interface EndSessionOptions extends SignInOptions {
  readonly revocations: Pick<Revocations, 'add' | 'coversKey'>
  readonly nowMs: () => number
}

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
    await options.revocations.add([oneToken(caller, 'revoked', options)])
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
    if (caller.sid !== undefined) await listSession(caller, 'its tokens', request.notes, options)
    // A service client has no session, only its token.
    else await options.revocations.add([oneToken(caller, 'signed out', options)])
  }
  let ended = false
  try {
    ended = refreshToken !== undefined && (await endSessionOf(refreshToken, client, request.notes, options))
  } finally {
    // The provider may go on with a session that it was not told of: nothing of it is taken for as long as one can last.
    if (!ended && caller !== undefined) await listSession(caller, 'the session', request.notes, options)
  }
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
    const ended = await options.provider().endSession(refreshToken, client)
    const { caller } = notes
    // Of two tokens of two holders nobody knows which of them it was: the log names neither.
    if (ended.subject !== undefined && ended.subject !== caller?.subject) delete notes.caller
    const holder = ended.subject ?? (ended.sid === caller?.sid ? caller?.subject : undefined)
    await listSession({ ...ended, subject: holder }, 'its tokens', notes, options)
    return true
  } catch (error) {
    if (error instanceof PopError && error.code === 'sign-in-refused') return false
    throw error
  }
}

/** Refuses a session for as long as its tokens last, where the provider refreshes them no more, or as a session itself can last. */
async function listSession(
  { sid, subject }: { readonly sid?: string; readonly subject: string | undefined },
  outlast: 'its tokens' | 'the session',
  notes: Notes,
  { revocations, nowMs, authenticator }: EndSessionOptions,
): Promise<void> {
  if (sid === undefined) return
  notes.session = sid
  const at = Math.floor(nowMs() / 1000)
  const account = { reason: 'signed out', by: subject ?? 'the holder of a refresh token', at }
  const until = outlast === 'the session' ? lastingUntil('sid', at) : untilTokensEnd(at, authenticator.rules())
  await revocations.add([{ kind: 'sid', value: sid, until, account }])
}

/** Control takes a revocation away by its own clock: were that ahead, a token would come back for its last seconds. */
const clockSeconds = 10

/** When the last token that can be out there at this moment has ended, with some seconds for two clocks. */
export function untilTokensEnd(at: number, { lifeSecondsEver }: { readonly lifeSecondsEver: number }): number {
  return at + lifeSecondsEver + clockSeconds
}

function oneToken({ jti, exp, subject, maker }: Caller, reason: string, { nowMs }: EndSessionOptions): RevocationFacts {
  // The name in a test token is made up: its holder is who made it.
  const account = { reason, by: maker?.sub ?? subject, at: Math.floor(nowMs() / 1000) }
  return { kind: 'jti', value: jti, until: exp + clockSeconds, account }
}

function emptyAnswer(status: 200 | 204): Answer {
  return { status, fields: status === 200 ? ['content-length', '0'] : [], body: Buffer.alloc(0) }
}
