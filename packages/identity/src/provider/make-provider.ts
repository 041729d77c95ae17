import { errors, Provider, type Configuration, type Context, type Grant, type ResourceServerInfo } from 'oidc-provider'
import type { DevUsers } from '../dev-users.ts'
import type { SignIn } from '../sign-in/sign-in.ts'
import type { ArtifactStore } from '../state/artifact-store.ts'
import { endpoints } from './endpoints.ts'
import { knownScopes, registerPasswordGrant, resource } from './password-grant.ts'
import { tokenClaims } from './token-claims.ts'

/** Longest life of a session, whatever is refreshed meanwhile; Keycloak's default. */
const sessionSeconds = 10 * 60 * 60

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
  const provider = new Provider(options.issuer, configurationOf(options))
  provider.on('server_error', (_context, error) => options.onFailure(error))
  provider.on('error', options.onFailure)
  registerPasswordGrant({ provider, api, signIn: options.signIn, now: options.now })
  return provider
}

/** The error for a refresh token that holds no more; the client reads `invalid_grant`, and the detail is for us. */
export function invalidGrantError(detail: string): Error {
  return new errors.InvalidGrant(detail)
}

function configurationOf(options: ProviderOptions): Configuration {
  const { users, tokenSeconds, artifacts } = options
  const byId = new Map(users.users.map((user) => [user.id, user]))
  const sessionLife = Math.max(sessionSeconds, tokenSeconds)
  return {
    adapter: (model) => artifacts.adapter(model),
    clients: clientsOf(options),
    jwks: { keys: [options.signingJwk] },
    scopes: knownScopes,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    routes: { token: endpoints.token, jwks: endpoints.keys },
    features: features(),
    ttl: {
      AccessToken: (context) => Math.min(tokenSeconds, remainingSeconds(context.oidc.entities.Grant, tokenSeconds)),
      ClientCredentials: tokenSeconds,
      RefreshToken: (context) => remainingSeconds(context.oidc.entities.Grant, sessionLife),
      Grant: sessionLife,
    },
    // The password grant makes its refresh tokens itself; this only makes the provider take them.
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    clientBasedCORS: () => false,
    findAccount: (_context, id) =>
      byId.has(id) ? { accountId: id, claims: () => Promise.resolve({ sub: id }) } : undefined,
    formats: {
      customizers: { jwt: (context, token, jwt) => Object.assign(jwt.payload, claimsOf(users, context, token)) },
    },
    renderError: (context, out) => {
      context.body = out
    },
  }
}

function features(): Configuration['features'] {
  const off = { enabled: false }
  return {
    clientCredentials: { enabled: true },
    devInteractions: off,
    dPoP: off,
    pushedAuthorizationRequests: off,
    rpInitiatedLogout: off,
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

function clientsOf({ gateway, users }: ProviderOptions): Configuration['clients'] {
  const noBrowser = { redirect_uris: [], response_types: [] }
  return [
    { ...gateway, ...noBrowser, grant_types: ['password', 'refresh_token'] },
    ...users.clients.map(({ client_id, client_secret }) => {
      return { client_id, client_secret, ...noBrowser, grant_types: ['client_credentials'] }
    }),
  ]
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
  const refreshToken = context.oidc.entities.RefreshToken
  if (user === undefined || refreshToken === undefined) {
    throw new TypeError('A token was about to be made outside a session.')
  }
  return tokenClaims({ kind: 'user', token, user, refreshToken })
}

/** Nothing outlives its session: what is left of the grant, at least a second. */
function remainingSeconds(grant: Grant | undefined, otherwise: number): number {
  return grant === undefined ? otherwise : Math.max(1, grant.remainingTTL)
}
