import { deviceGrant } from './clients.ts'

/** Path of the realm below the origin; the issuer is the origin and this. */
export const realmPath = '/realms/pop'

const protocolPath = '/protocol/openid-connect'

/** What is served below `realmPath`, where Keycloak serves it. */
export const endpoints = {
  discovery: '/.well-known/openid-configuration',
  keys: `${protocolPath}/certs`,
  authorization: `${protocolPath}/auth`,
  token: `${protocolPath}/token`,
  deviceAuthorization: `${protocolPath}/auth/device`,
  introspection: `${protocolPath}/token/introspect`,
  revocation: `${protocolPath}/revoke`,
  logout: `${protocolPath}/logout`,
  logoutConfirm: `${protocolPath}/logout/confirm`,
  logoutDone: `${protocolPath}/logout/success`,
  /** Where a person types the code that a device shows. */
  device: '/device',
  signIn: '/login-actions/authenticate',
  enrolment: '/login-actions/required-action',
} as const

const browserPaths = [
  endpoints.authorization,
  endpoints.logout,
  endpoints.device,
  endpoints.signIn,
  endpoints.enrolment,
] as const

/** Whether a request for a path below the realm, or for one that goes on from it, is answered to a person and not to a program. */
export function isForBrowsers(method: string, path: string): boolean {
  if (path === endpoints.deviceAuthorization || (path === endpoints.logout && method === 'POST')) return false
  return browserPaths.some((own) => path === own || path.startsWith(`${own}/`))
}

/** The discovery document (OpenID Connect Discovery 1.0 section 3): what this provider really offers and nothing more. */
export function discoveryDocument(issuer: string): Readonly<Record<string, unknown>> {
  const secretMethods = ['client_secret_basic', 'client_secret_post']
  const algorithms = ['ES256', 'PS256', 'RS256', 'Ed25519', 'EdDSA']
  return {
    issuer,
    authorization_endpoint: issuer + endpoints.authorization,
    device_authorization_endpoint: issuer + endpoints.deviceAuthorization,
    token_endpoint: issuer + endpoints.token,
    jwks_uri: issuer + endpoints.keys,
    introspection_endpoint: issuer + endpoints.introspection,
    revocation_endpoint: issuer + endpoints.revocation,
    end_session_endpoint: issuer + endpoints.logout,
    grant_types_supported: ['authorization_code', deviceGrant, 'password', 'client_credentials', 'refresh_token'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    scopes_supported: ['openid', 'profile'],
    subject_types_supported: ['public'],
    acr_values_supported: ['pop-mfa'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: [...secretMethods, 'private_key_jwt', 'none'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: secretMethods,
    revocation_endpoint_auth_methods_supported: [...secretMethods, 'none'],
  }
}
