import { errors, type AccessToken, type Context, type Provider, type ResourceServerInfo } from 'oidc-provider'
import type { SignedIn, SignIn } from '../sign-in/sign-in.ts'
import { beginGrant, grantedScope, refuseUnknownScope, resource } from './begin-grant.ts'
import { factsOf } from './token-claims.ts'

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
  const signedIn = await options.signIn.verify({ username, password, code: totp ?? otp })
  if (signedIn.kind !== 'accepted')
    throw new errors.CustomOIDCProviderError('invalid_grant', 'Invalid user credentials')
  context.body = await beginSession(options, context, signedIn)
}

async function beginSession(
  { provider, api, now }: PasswordGrantOptions,
  context: Context,
  signedIn: SignedIn,
): Promise<object> {
  const { client } = context.oidc
  const grant = await beginGrant(provider, signedIn.user, client.clientId, grantedScope)
  context.oidc.entity('Grant', grant)
  // What was not asked for in a browser has no ID token: the scope `openid` is taken and gives nothing here.
  const shared = { accountId: signedIn.user.id, client, grantId: grant.jti, gty: 'password', scope: grantedScope }
  const refreshToken = new provider.RefreshToken({
    ...shared,
    resource,
    rotations: 0,
    ...factsOf(signedIn, now()),
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
