/** Path of the realm below the origin; the issuer is the origin and this. */
export const realmPath = '/realms/pop'

const protocolPath = '/protocol/openid-connect'

/** What is served below `realmPath`, where Keycloak serves it. */
export const endpoints = {
  discovery: '/.well-known/openid-configuration',
  keys: `${protocolPath}/certs`,
  token: `${protocolPath}/token`,
  introspection: `${protocolPath}/token/introspect`,
  revocation: `${protocolPath}/revoke`,
  logout: `${protocolPath}/logout`,
} as const

/** The discovery document (OpenID Connect Discovery 1.0 section 3): what this provider really offers and nothing more. */
export function discoveryDocument(issuer: string): Readonly<Record<string, unknown>> {
  const authMethods = ['client_secret_basic', 'client_secret_post']
  return {
    issuer,
    token_endpoint: issuer + endpoints.token,
    jwks_uri: issuer + endpoints.keys,
    introspection_endpoint: issuer + endpoints.introspection,
    revocation_endpoint: issuer + endpoints.revocation,
    end_session_endpoint: issuer + endpoints.logout,
    grant_types_supported: ['password', 'client_credentials', 'refresh_token'],
    response_types_supported: [],
    scopes_supported: ['openid', 'profile'],
    subject_types_supported: ['public'],
    acr_values_supported: ['pop-mfa'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_methods_supported: authMethods,
  }
}
