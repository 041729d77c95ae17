import { errors, Provider, type Configuration, type Context, type Grant, type ResourceServerInfo } from 'oidc-provider'
import { deviceFeature, logoutFeature, showError } from '../browser/browser-features.ts'
import { cookies } from '../browser/cookies.ts'
import { showPages, signInLocation } from '../browser/page-middleware.ts'
import { signInPolicy } from '../browser/sign-in-policy.ts'
import type { DevUsers } from '../dev-users.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import type { ArtifactStore } from '../state/artifact-store.ts'
import { knownScopes, resource } from './begin-grant.ts'
import { clientsOf } from './clients.ts'
import { endpoints, isForBrowsers } from './endpoints.ts'
import { registerPasswordGrant } from './password-grant.ts'
import { tokenClaims } from './token-claims.ts'

/** Longest life of a session, whatever is refreshed meanwhile; Keycloak's default. */
const sessionSeconds = 10 * 60 * 60

/** How long somebody may take to sign in, and to set up a second factor. */
const interactionSeconds = 15 * 60

export interface ProviderOptions {
  readonly issuer: string
  readonly users: DevUsers
  readonly gateway: { readonly client_id: string; readonly client_secret: string }
  /** Private RS256 key with its `kid`. */
  readonly signingJwk: object
  readonly tokenSeconds: number
  readonly artifacts: ArtifactStore
  readonly signIn: SignIn
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Is told of every fault that a client saw as `server_error`. */
  readonly onFailure: (error: unknown) => void
}

const api: ResourceServerInfo = {
  scope: knownScopes.join(' '),
  audience: 'pop-api',
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'RS256' } },
}

/** oidc-provider with the grants of this realm; of its endpoints only those of `endpoints` are meant to be reached. */
export function makeProvider(options: ProviderOptions): Provider {
  const { artifacts } = options
  const provider = new Provider(options.issuer, configurationOf(options))
  provider.on('server_error', (_context, error) => options.onFailure(error))
  provider.on('error', options.onFailure)
  provider.on('end_session.success', ({ oidc: { session } }) => {
    if (session !== undefined) artifacts.endBrowserSession(session.uid)
  })
  provider.on('grant.revoked', nameEnded)
  registerPasswordGrant({ provider, api, signIn: options.signIn, now: options.now })
  showPages(provider)
  return provider
}

/**
 * The error for a token or code that holds no more; the client reads `invalid_grant`, and the detail is for us. `ended`: the session
 * that was ended for it, which the gateway is told.
 */
export function invalidGrantError(detail: string, ended?: string): Error {
  if (ended !== undefined && Provider.ctx !== undefined) nameEnded(Provider.ctx, ended)
  return new errors.InvalidGrant(detail)
}

/** `pop-session`, as logout names it: whoever asked can refuse the access tokens that were given out in it. */
function nameEnded(context: Context, session: string): void {
  context.set({ 'pop-session': session })
}

function configurationOf(options: ProviderOptions): Configuration {
  const { users, artifacts } = options
  const byId = new Map(users.users.map((user) => [user.id, user]))
  return {
    adapter: (model) => artifacts.adapter(model),
    clients: clientsOf(options.gateway, users),
    jwks: { keys: [options.signingJwk] },
    scopes: knownScopes,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    routes: {
      authorization: endpoints.authorization,
      code_verification: endpoints.device,
      device_authorization: endpoints.deviceAuthorization,
      end_session: endpoints.logout,
      jwks: endpoints.keys,
      token: endpoints.token,
    },
    cookies,
    // RFC 9700 section 2.1.1; oidc-provider knows S256 alone.
    pkce: { required: () => true },
    interactions: { policy: signInPolicy(), url: () => signInLocation },
    // A session of the command line goes on when the browser in which it began is closed.
    expiresWithSession: () => false,
    features: featuresOf(users),
    ttl: livesOf(options),
    // The password grant makes its refresh tokens itself; this makes the provider take them, and give its own to every client.
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    clientBasedCORS: () => false,
    findAccount: (_context, id) =>
      byId.has(id) ? { accountId: id, claims: () => Promise.resolve({ sub: id }) } : undefined,
    formats: {
      customizers: { jwt: (context, token, jwt) => Object.assign(jwt.payload, claimsOf(users, context, token)) },
    },
    renderError: (context, out, error) => {
      if (isForBrowsers(context.method, context.path)) showError(context, out, error)
      else context.body = out
    },
  }
}

function livesOf({ tokenSeconds }: ProviderOptions): Configuration['ttl'] {
  const sessionLife = Math.max(sessionSeconds, tokenSeconds)
  return {
    AccessToken: (context) => Math.min(tokenSeconds, remainingSeconds(context.oidc.entities.Grant, tokenSeconds)),
    AuthorizationCode: 60,
    ClientCredentials: tokenSeconds,
    DeviceCode: 10 * 60,
    Grant: sessionLife,
    IdToken: tokenSeconds,
    Interaction: interactionSeconds,
    RefreshToken: (context) => remainingSeconds(context.oidc.entities.Grant, sessionLife),
    // Anybody is given one before a sign-in, for the secret that a form must bring back.
    Session: (_context, session) => (session.accountId === undefined ? interactionSeconds : sessionLife),
  }
}

function featuresOf(users: DevUsers): Configuration['features'] {
  const off = { enabled: false }
  return {
    clientCredentials: { enabled: true },
    deviceFlow: deviceFeature(),
    devInteractions: off,
    dPoP: off,
    pushedAuthorizationRequests: off,
    rpInitiatedLogout: logoutFeature(users),
    userinfo: off,
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, asked) => {
        if (asked !== resource) throw new errors.InvalidTarget()
        return api
      },
    },
  }
}

type TokenCustomizer = Configuration['formats']['customizers']['jwt']

function claimsOf(
  users: DevUsers,
  context: Context,
  token: Parameters<TokenCustomizer>[1],
): Readonly<Record<string, unknown>> {
  if (token.kind === 'ClientCredentials') {
    const client = users.clients.find((candidate) => candidate.client_id === token.clientId)
    if (client === undefined) throw new TypeError('A token was about to be made for a client without a subject.')
    return tokenClaims({ kind: 'service', token, client })
  }
  const user = users.users.find((candidate) => candidate.id === token.accountId)
  const { RefreshToken, AuthorizationCode, DeviceCode } = context.oidc.entities
  const facts = RefreshToken ?? AuthorizationCode ?? DeviceCode
  if (user === undefined || facts === undefined) {
    throw new TypeError('A token was about to be made outside a session.')
  }
  return tokenClaims({ kind: 'user', token, user, facts })
}

/** Nothing outlives its session: what is left of the grant, at least a second. */
function remainingSeconds(grant: Grant | undefined, otherwise: number): number {
  return grant === undefined ? otherwise : Math.max(1, grant.remainingTTL)
}
