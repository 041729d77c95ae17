import type { IncomingMessage } from 'node:http'
import { isCount, PopError, verifyJws, type JsonObject, type KeyRecord } from '@pop-api/protocol'
import type { Client, Provider, RefreshToken } from 'oidc-provider'
import type { Page } from '../pages/page.ts'
import type { ArtifactStore } from '../state/artifact-store.ts'
import type { RevokedTokens } from '../state/revoked-tokens.ts'
import { authenticateClient } from './authenticate-client.ts'
import { readForm, requireParameter } from './read-form.ts'

/** An answer of this provider's own: a page, or an object as JSON; without a body where there is neither. */
export interface SessionAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly page?: Page
}

export type SessionEndpoint = (request: IncomingMessage) => Promise<SessionAnswer>

export interface SessionOptions {
  readonly provider: Provider
  readonly issuer: string
  readonly artifacts: ArtifactStore
  readonly revoked: RevokedTokens
  /** The public half of the key that signs access tokens. */
  readonly verificationKey: KeyRecord
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Logout, revocation and introspection, for refresh tokens and for access tokens (which are JWTs, so that oidc-provider itself
 * does neither). Each takes a form and an authenticated client, and throws a PopError for a refusal.
 */
export function sessionEndpoints(options: SessionOptions): {
  readonly logout: SessionEndpoint
  readonly revoke: SessionEndpoint
  readonly introspect: SessionEndpoint
} {
  const withClient = (answer: (client: Client, form: ReadonlyMap<string, string>) => Promise<SessionAnswer>) => {
    return async (request: IncomingMessage): Promise<SessionAnswer> => {
      const form = await readForm(request)
      return answer(await authenticateClient(options.provider, request.headers.authorization, form), form)
    }
  }
  return {
    logout: withClient((client, form) => logOut(options, client, requireParameter(form, 'refresh_token'))),
    revoke: withClient((client, form) => revoke(options, client, requireParameter(form, 'token'))),
    introspect: withClient((client, form) => {
      // RFC 7662 section 2.1: else anybody could try out tokens here.
      if (client.clientAuthMethod === 'none') throw new PopError('client-refused', 'Client authentication is required.')
      return introspect(options, requireParameter(form, 'token'))
    }),
  }
}

/**
 * As Keycloak's logout: 204, and the session of the refresh token is over. A token that was replaced ends it just as well.
 * `pop-session` names the session and `pop-subject` its user, so that whoever asked can refuse the access tokens that were given out in it.
 */
async function logOut({ provider, artifacts }: SessionOptions, client: Client, token: string): Promise<SessionAnswer> {
  const refreshToken = await provider.RefreshToken.find(token)
  if (refreshToken?.clientId !== client.clientId || !artifacts.endSession(refreshToken.grantId)) {
    throw new PopError('sign-in-refused', 'Invalid refresh token')
  }
  const headers = { 'pop-session': refreshToken.grantId, 'pop-subject': refreshToken.accountId }
  return { status: 204, headers }
}

/** RFC 7009: a refresh token ends its session, an access token itself; for one that is no good there is nothing to do. */
async function revoke(options: SessionOptions, client: Client, token: string): Promise<SessionAnswer> {
  const refreshToken = await options.provider.RefreshToken.find(token)
  const access = refreshToken === undefined ? readAccessToken(options, token) : undefined
  const owner = refreshToken?.clientId ?? access?.azp
  if (owner !== undefined && owner !== client.clientId) {
    throw new PopError('oauth-request-invalid', 'The token was issued to another client.')
  }
  if (refreshToken !== undefined) options.artifacts.endSession(refreshToken.grantId)
  if (access !== undefined) options.revoked.add(access.jti, access.expiresMs)
  return { status: 200 }
}

/** RFC 7662: the claims of a token that holds now, `{ active: false }` for everything else. */
async function introspect(options: SessionOptions, token: string): Promise<SessionAnswer> {
  const { provider } = options
  const refreshToken = await provider.RefreshToken.find(token)
  if (refreshToken?.isValid === true && (await hasSession(provider, refreshToken.grantId))) {
    return { status: 200, body: describeRefreshToken(options.issuer, refreshToken) }
  }
  const access = readAccessToken(options, token)
  const holds =
    access !== undefined &&
    access.expiresMs > options.now() &&
    !options.revoked.has(access.jti) &&
    (access.sid === undefined || (await hasSession(provider, access.sid)))
  return { status: 200, body: holds ? { active: true, token_type: 'Bearer', ...access.claims } : { active: false } }
}

function describeRefreshToken(issuer: string, token: RefreshToken): object {
  const { clientId, accountId, grantId, iat, exp, scope } = token
  return { active: true, client_id: clientId, iss: issuer, sub: accountId, sid: grantId, iat, exp, scope }
}

async function hasSession(provider: Provider, sid: string): Promise<boolean> {
  return (await provider.Grant.find(sid)) !== undefined
}

interface ReadToken {
  readonly claims: JsonObject
  readonly jti: string
  readonly azp: string
  readonly sid: string | undefined
  readonly expiresMs: number
}

/** The claims of an access token of this provider, expired or not; undefined for anything else. Untrusted input. */
function readAccessToken({ verificationKey }: SessionOptions, token: string): ReadToken | undefined {
  const lookUp = (kid: string): KeyRecord | undefined => (kid === verificationKey.kid ? verificationKey : undefined)
  const verified = verifyJws(token, lookUp, { types: ['at+jwt'] })
  if (!verified.ok) return undefined
  const { claims } = verified.value
  const { jti, azp, sid, exp } = claims
  if (typeof jti !== 'string' || typeof azp !== 'string' || !isCount(exp)) return undefined
  return { claims, jti, azp, sid: typeof sid === 'string' ? sid : undefined, expiresMs: exp * 1000 }
}
