import { randomUUID } from 'node:crypto'
import { errors, type AccessToken, type Context, type Provider, type ResourceServerInfo } from 'oidc-provider'
import type { SignedIn, SignIn } from '../sign-in/sign-in.ts'
import { secondFactorAcr } from './token-claims.ts'

export const resource = 'urn:pop-api'
const grantedScope = 'profile'
/** What a client may ask for. `openid` is taken and gives nothing: an ID token is for browsers, which sign in elsewhere. */
export const knownScopes = ['openid', grantedScope]

export interface PasswordGrantOptions {
  readonly provider: Provider
  readonly api: ResourceServerInfo
  readonly signIn: SignIn
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Adds the grant `password` (RFC 6749 section 4.3) with `totp` or, as Keycloak has it, `otp` for the one-time code. A sign-in
 * begins a session: one grant, whose id is the `sid`, and one refresh token that is replaced at each use.
 */
export function registerPasswordGrant(options: PasswordGrantOptions): void {
  const parameters = ['username', 'password', 'totp', 'otp', 'scope']
  const handle = (context: Context): Promise<void> => answerPasswordGrant(options, context)
  options.provider.registerGrantType('password', handle, parameters, [])
}

async function answerPasswordGrant(options: PasswordGrantOptions, context: Context): Promise<void> {
  const { username, password, totp, otp, scope } = context.oidc.params
  if (username === undefined || password === undefined) {
    throw new errors.InvalidRequest('username and password are required')
  }
  if (totp !== undefined && otp !== undefined) throw new errors.InvalidRequest('give one of totp and otp')
  refuseUnknownScope(scope ?? '')
  const signedIn = await options.signIn({ username, password, code: totp ?? otp })
  if (signedIn === undefined) throw new errors.CustomOIDCProviderError('invalid_grant', 'Invalid user credentials')
  context.body = await beginSession(options, context, signedIn)
}

function refuseUnknownScope(scope: string): void {
  const unknown = scope.split(' ').filter((word) => word !== '' && !knownScopes.includes(word))
  if (unknown.length > 0) throw new errors.InvalidScope('unknown scope', unknown.join(' '))
}

async function beginSession(
  { provider, api, now }: PasswordGrantOptions,
  context: Context,
  { user, secondFactor }: SignedIn,
): Promise<object> {
  const { client } = context.oidc
  const grant = new provider.Grant({ jti: randomUUID(), accountId: user.id, clientId: client.clientId })
  grant.addOIDCScope(grantedScope)
  grant.addResourceScope(resource, grantedScope)
  const grantId = await grant.save()
  context.oidc.entity('Grant', grant)
  const shared = { accountId: user.id, client, grantId, gty: 'password', scope: grantedScope }
  const refreshToken = new provider.RefreshToken({
    ...shared,
    resource,
    rotations: 0,
    acr: secondFactor ? secondFactorAcr : undefined,
    amr: secondFactor ? ['pwd', 'otp'] : ['pwd'],
    authTime: Math.floor(now() / 1000),
  })
  context.oidc.entity('RefreshToken', refreshToken)
  const refresh = await refreshToken.save()
  const accessToken: AccessToken = new provider.AccessToken(shared)
  accessToken.resourceServer = new provider.ResourceServer(resource, api)
  context.oidc.entity('AccessToken', accessToken)
  const access = await accessToken.save()
  return {
    access_token: access,
    expires_in: accessToken.expiration,
    refresh_token: refresh,
    scope: accessToken.scope,
    token_type: 'Bearer',
  }
}
