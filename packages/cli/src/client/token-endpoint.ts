import { isCount, isPlainText, tokenCharactersMax } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { documentOf, readBody, refusal } from './answer.ts'
import { exchange } from './exchange.ts'
import type { Gateway } from './gateway.ts'
import type { Session } from './session.ts'

type Form = Readonly<Record<string, string>>

const answerBytesMax = 256 * 1024

/**
 * `POST /oauth/token` (RFC 6749). Throws a CommandFailure: refused with what the gateway said, or unreachable. `nowMs` is when the
 * life of the token begins to count.
 */
export async function requestToken(gateway: Gateway, form: Form, nowMs: number): Promise<Session> {
  const body = await post(gateway, '/oauth/token', form)
  const document = documentOf(body) ?? {}
  const { access_token: accessToken, token_type: type, expires_in: expiresIn } = document
  const { refresh_token: refreshToken, scope } = document
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer'
  if (!isBearer || !isPlainText(accessToken, tokenCharactersMax) || !isCount(expiresIn)) {
    const message = `${gateway.origin} answered /oauth/token in another shape than RFC 6749: is this a POP API gateway?`
    throw new CommandFailure(exitCodes.refused, message)
  }
  const { client_id: clientId } = form
  // A client with a secret has no session to renew: only of a public one is the name all that it takes.
  const isPublic = clientId !== undefined && form['client_secret'] === undefined
  return {
    ...(isPublic ? { clientId } : {}),
    gateway: gateway.origin,
    accessToken,
    refreshToken: isPlainText(refreshToken, tokenCharactersMax) ? refreshToken : undefined,
    expiresAtMs: nowMs + expiresIn * 1000,
    scope: isPlainText(scope, 2048) ? scope : undefined,
  }
}

/** `POST /oauth/logout`: ends the session there. Throws like `requestToken`. */
export async function endSession(gateway: Gateway, session: Session): Promise<void> {
  const { accessToken, refreshToken, clientId } = session
  const form = {
    token: accessToken,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(clientId === undefined ? {} : { client_id: clientId }),
  }
  await post(gateway, '/oauth/logout', form)
}

/** Sends a form to an endpoint under `/oauth` and gives the body of what it answered. Throws like `requestToken`. */
export async function post(gateway: Gateway, path: string, form: Form): Promise<Buffer> {
  const body = Buffer.from(new URLSearchParams(form).toString())
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }
  using answer = await exchange(gateway, { method: 'POST', path, headers, body })
  const content = await readBody(answer, gateway, answerBytesMax)
  if (answer.status >= 400) throw refusal(answer, content)
  return content
}
