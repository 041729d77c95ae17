import {
  checkClaims,
  isJsonObject,
  isPlainText,
  isSignInClient,
  lastingUntil,
  reachSeconds,
  type JsonObject,
  type RevocationFacts,
  type VerifiedJws,
} from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import type { OpenOperation, OpenRequest } from '../operation.ts'
import { untilTokensEnd } from './end-session.ts'
import { readForm, requireParameter } from './form.ts'
import { badMessage, verifyMessage, type ProviderMessages } from './provider-message.ts'

/** Keycloak says `logout+jwt`, and `JWT` before version 26; the specification makes the type no duty (section 2.4). */
const types = { types: ['logout+jwt', 'JWT', ''], mayLackType: true } as const
const event = 'http://schemas.openid.net/event/backchannel-logout'
/** The specification wants two minutes at most. So long each `jti` is remembered. */
const lifeSecondsMax = 600

/**
 * `POST /oauth/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0): the provider says that a session, or every session of
 * somebody, has ended. 200 once the revocation is on the disk and queued for control, 400 for a token that is not right, 503 otherwise.
 */
export function backchannelLogout(messages: ProviderMessages): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/backchannel-logout',
    summary: 'A session has ended at the provider',
    action: 'backchannel_logout',
    ofProvider: true,
    serve: (request) => logOut(request, messages),
  }
}

async function logOut(request: OpenRequest, messages: ProviderMessages): Promise<Answer> {
  const token = requireParameter(readForm(request), 'logout_token')
  const jws = await verifyMessage(token, messages, types)
  const { jti, exp, sid, sub } = readLogoutToken(jws, messages)
  const { notes } = request
  if (sid !== undefined) notes.session = sid
  if (sub !== undefined) notes.account = sub
  const once = { id: `logout ${jti}`, until: exp }
  const outcome = await messages.revocations.add(factsOf({ sid, sub }, messages), once)
  // Section 2.6, step 7.
  if (outcome === 'used') throw badMessage('A logout token works once: this jti was used before.')
  return { status: 200, fields: ['content-length', '0'], body: Buffer.alloc(0) }
}

interface LogoutToken {
  readonly jti: string
  readonly exp: number
  readonly sid: string | undefined
  readonly sub: string | undefined
}

/** The rules of section 2.6 for a token whose signature is right. Throws `oauth-request-invalid`. */
function readLogoutToken({ header, claims }: VerifiedJws, messages: ProviderMessages): LogoutToken {
  const { authenticator, provider } = messages
  // Keycloak names the kind of its tokens in a claim.
  if (header.typ.toLowerCase() !== 'logout+jwt' && claims['typ'] !== undefined && claims['typ'] !== 'Logout')
    throw badMessage('The token is not a logout token.')
  const rules = {
    issuer: authenticator.rules().issuer,
    lifeSecondsMax,
    skewSecondsMax: 5,
    nowMs: authenticator.nowMs(),
  }
  const times = checkClaims(claims, rules)
  if (!times.ok) throw badMessage(times.detail)
  if (!isFor(claims['aud'], provider().clientId)) throw badMessage('The logout token is for another client.')
  if (Object.hasOwn(claims, 'nonce')) throw badMessage('A logout token must not have a nonce.')
  if (!hasEvent(claims['events'])) throw badMessage(`The logout token must have the event ${event}.`)
  const { jti, sid, sub } = claims
  if (!isPlainText(jti, 128)) throw badMessage('The logout token must have a jti.')
  if (sid === undefined && sub === undefined) throw badMessage('The logout token must have sub or sid.')
  const named = { sid: optionalText(sid, 'sid'), sub: optionalText(sub, 'sub') }
  return { jti, exp: times.value.exp, ...named }
}

/** As of an ID Token: a client of ours, each of which has a token of its own, and nobody beside whom we do not know. */
function isFor(audience: unknown, clientId: string): boolean {
  const [only, ...others]: unknown[] = Array.isArray(audience) ? audience : [audience]
  return others.length === 0 && isSignInClient(only, clientId)
}

function hasEvent(events: unknown): boolean {
  return isJsonObject(events) && Object.hasOwn(events, event) && isJsonObject(events[event])
}

function optionalText(value: JsonObject[string], name: string): string | undefined {
  if (value === undefined || isPlainText(value, name === 'sid' ? 128 : 200)) return value
  throw badMessage(`The ${name} of the logout token is not a text that can be one.`)
}

/** With a `sid` that session; without, every session that this subject has until now (section 2.4). */
function factsOf(
  { sid, sub = '' }: { readonly sid: string | undefined; readonly sub: string | undefined },
  { authenticator }: ProviderMessages,
): readonly RevocationFacts[] {
  const rules = authenticator.rules()
  const { issuer, serviceClients } = rules
  const at = Math.floor(authenticator.nowMs() / 1000)
  const account = { reason: 'signed out at the provider', by: issuer, at }
  // The provider has ended it, so that nothing of it is refreshed any more.
  if (sid !== undefined) return [{ kind: 'sid', value: sid, until: untilTokensEnd(at, rules), account }]
  const clients = [...serviceClients].filter(([, subject]) => subject === sub).map(([id]) => `client:${id}`)
  const end = { kind: 'sub' as const, until: lastingUntil('sub', at), issued_until: at + reachSeconds, account }
  return [`user:${sub}`, ...clients].map((value) => ({ ...end, value }))
}
