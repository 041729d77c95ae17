import { ownClients } from '@pop-api/protocol'
import { levels, madeHere } from './wanted-realm.ts'
import type { RealmRequest, ServiceClient } from './realm-request.ts'

/** The client scope that puts our claims into a token, and no others. */
const tokenScope = 'pop'

/** Control's own client: the only one that may manage users. */
export const controlClientId = ownClients.control

/** The public client of the command `pop`, and the one of the console. */
const { commandLine: cliClientId, console: consoleClientId } = ownClients

/** Keycloak's own client, whose roles open its admin API. */
export const administration = 'realm-management'

/**
 * What control needs to manage users, of the roles that Keycloak has for it. It changes no client, key or flow, but has to see clients: to
 * nobody else Keycloak says who administers the realm (decision 0021).
 */
export const controlRoles: readonly string[] = ['manage-users', 'view-clients', 'view-realm', 'view-users']

/** A client as Keycloak represents it, only with what we decide. */
export interface WantedClient {
  readonly clientId: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Whose roles its tokens may carry at all: none, all of ours, or those alone. */
  readonly carries: 'nothing' | 'everything' | readonly string[]
  /** The roles of its own account; none where it has no account. */
  readonly holds: readonly string[]
}

const closed = {
  enabled: true,
  protocol: 'openid-connect',
  publicClient: false,
  bearerOnly: false,
  standardFlowEnabled: false,
  implicitFlowEnabled: false,
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
  // Only roles of ours come into a token, whatever else a user has.
  fullScopeAllowed: false,
  consentRequired: false,
  frontchannelLogout: false,
  redirectUris: [] as readonly string[],
  webOrigins: [] as readonly string[],
  defaultClientScopes: ['acr', 'basic', tokenScope] as readonly string[],
  optionalClientScopes: [] as readonly string[],
} as const

/** Every client of the realm, those of modules aside. */
export function wantedClients(request: RealmRequest): readonly WantedClient[] {
  const { gatewayClient, controlSecret, audience, services } = request
  return [
    ...signInClients(request),
    {
      clientId: controlClientId,
      fields: {
        ...closed,
        name: 'POP API control',
        secret: controlSecret,
        serviceAccountsEnabled: true,
        // Its tokens are for Keycloak's own API, never for ours; that API reads the roles in this scope.
        defaultClientScopes: ['basic', 'roles'],
        attributes: madeHere,
      },
      carries: controlRoles,
      holds: controlRoles,
    },
    // Introspection answers only to a client that the token is for.
    {
      clientId: audience,
      fields: { ...closed, name: 'POP API', secret: gatewayClient.secret, attributes: madeHere },
      carries: 'nothing',
      holds: [],
    },
    ...services.map(wantedService),
  ]
}

/** The clients with which people sign in: the gateway's for passwords, and two without a secret for browsers and devices. */
function signInClients(request: RealmRequest): readonly WantedClient[] {
  const { gatewayClient, gateway, security, passwordGrant } = request
  const signsUsersIn = {
    ...madeHere,
    'backchannel.logout.url': `${gateway}/oauth/backchannel-logout`,
    'backchannel.logout.session.required': 'true',
    'backchannel.logout.revoke.offline.tokens': 'false',
    'use.refresh.tokens': 'true',
    ...(security.requireSecondFactor ? { 'default.acr.values': levels.secondFactor.acr } : {}),
  }
  const withPkce = { ...signsUsersIn, 'pkce.code.challenge.method': 'S256' }
  const optionalClientScopes = exchangeScopes(request).map(({ name }) => name)
  const withBrowser = { ...closed, optionalClientScopes, publicClient: true, standardFlowEnabled: true }
  const fieldsById: Readonly<Record<string, WantedClient['fields']>> = {
    [gatewayClient.clientId]: {
      ...closed,
      optionalClientScopes,
      name: 'POP API gateway',
      secret: gatewayClient.secret,
      directAccessGrantsEnabled: passwordGrant,
      adminUrl: `${gateway}/oauth/keycloak`,
      attributes: signsUsersIn,
    },
    [cliClientId]: {
      ...withBrowser,
      name: 'POP API command line',
      // RFC 8252 section 7.3: any port of this loopback address.
      redirectUris: ['http://127.0.0.1/callback'],
      attributes: { ...withPkce, 'oauth2.device.authorization.grant.enabled': 'true' },
    },
    [consoleClientId]: {
      ...withBrowser,
      name: 'POP API console',
      redirectUris: [`${gateway}/console/callback`],
      attributes: { ...withPkce, 'post.logout.redirect.uris': `${gateway}/console/` },
    },
  }
  return Object.entries(fieldsById).map(([clientId, fields]) => {
    return { clientId, fields, carries: 'everything', holds: [] }
  })
}

function wantedService({
  clientId,
  authentication,
  secret,
  jwks,
  roles,
  exchangesTokens,
  bound,
}: ServiceClient): WantedClient {
  const proof =
    authentication === 'secret'
      ? { secret, clientAuthenticatorType: 'client-secret' }
      : { clientAuthenticatorType: 'client-jwt' }
  const keys = jwks === undefined ? {} : { 'use.jwks.string': 'true', 'jwks.string': jwks }
  return {
    clientId,
    fields: {
      ...closed,
      ...proof,
      name: `Service ${clientId}`,
      serviceAccountsEnabled: true,
      attributes: {
        ...madeHere,
        ...keys,
        'standard.token.exchange.enabled': String(exchangesTokens),
        'dpop.bound.access.tokens': String(bound === 'dpop'),
        'tls.client.certificate.bound.access.tokens': String(bound === 'certificate'),
      },
    },
    // What it does for a user it does with the roles of that user.
    carries: exchangesTokens ? 'everything' : roles,
    holds: roles,
  }
}

/** A module's client: nobody signs in with it, it only has the module's permissions as its roles. */
export function wantedModuleClient(module: string): WantedClient {
  return {
    clientId: module,
    fields: { ...closed, name: `Module ${module}`, bearerOnly: true, attributes: madeHere },
    carries: 'nothing',
    holds: [],
  }
}

/** A client scope with what fills its claims. */
export interface WantedScope {
  readonly name: string
  readonly description: string
  readonly mappers: readonly Mapper[]
}

/** What every client scope of ours is otherwise. */
export const scopeFields = {
  protocol: 'openid-connect',
  attributes: { ...madeHere, 'include.in.token.scope': 'false', 'display.on.consent.screen': 'false' },
} as const

/** The scope of our claims and, for each service that exchanges tokens, one that makes a token fit for that. */
export function wantedScopes(request: RealmRequest): readonly WantedScope[] {
  return [
    { name: tokenScope, description: 'Claims of POP API access tokens', mappers: wantedMappers(request) },
    ...exchangeScopes(request).map(({ name, clientId }) => ({
      name,
      description: `Makes a token that ${clientId} may exchange, and that the gateway takes from nobody`,
      mappers: [
        {
          name: 'audience',
          protocolMapper: 'oidc-audience-mapper',
          config: { ...inAccessToken, 'id.token.claim': 'false', 'included.client.audience': clientId },
        },
      ],
    })),
  ]
}

/** Keycloak lets a service exchange only what is meant for it (RFC 8693): whoever wants that asks for the scope. */
function exchangeScopes({ services }: RealmRequest) {
  return services
    .filter(({ exchangesTokens }) => exchangesTokens)
    .map(({ clientId }) => ({ clientId, name: `for-${clientId}` }))
}

const inAccessToken = { 'access.token.claim': 'true', 'introspection.token.claim': 'true' }

interface Mapper {
  readonly name: string
  readonly protocolMapper: string
  readonly config: Readonly<Record<string, string>>
}

/** What fills our claims: `aud`, `roles`, `permissions`, `amr`, and the name that logs show. */
function wantedMappers({ audience, modulePermissions }: RealmRequest): readonly Mapper[] {
  const only = { ...inAccessToken, 'id.token.claim': 'false', 'userinfo.token.claim': 'false' }
  const list = { ...only, multivalued: 'true', 'jsonType.label': 'String' }
  return [
    {
      name: 'audience',
      protocolMapper: 'oidc-audience-mapper',
      config: { ...inAccessToken, 'id.token.claim': 'false', 'included.custom.audience': audience },
    },
    {
      name: 'roles',
      protocolMapper: 'oidc-usermodel-realm-role-mapper',
      config: { ...list, 'claim.name': 'roles' },
    },
    // Several of these with one claim name make one flat list.
    ...Object.keys(modulePermissions).map((module) => ({
      name: `permissions of ${module}`,
      protocolMapper: 'oidc-usermodel-client-role-mapper',
      config: { ...list, 'claim.name': 'permissions', 'usermodel.clientRoleMapping.clientId': module },
    })),
    { name: 'methods', protocolMapper: 'oidc-amr-mapper', config: { ...inAccessToken, 'id.token.claim': 'true' } },
    {
      name: 'name',
      protocolMapper: 'oidc-usermodel-attribute-mapper',
      config: { ...only, 'user.attribute': 'username', 'claim.name': 'preferred_username', 'jsonType.label': 'String' },
    },
  ]
}
