import type { AccessToken, ClientCredentials, RefreshToken } from 'oidc-provider'
import type { DevClient, DevUser } from '../dev-users.ts'

/** `acr` of a sign-in that has proven password and one-time code; what the gateway asks for (`require_2fa`). */
export const secondFactorAcr = 'pop-mfa'

/** Whom a token is about, as far as the provider does not say itself. */
export type TokenSubject =
  | {
      readonly kind: 'user'
      readonly token: AccessToken
      readonly user: DevUser
      /** The refresh token that goes with it: it carries the facts of the sign-in through every refresh. */
      readonly refreshToken: RefreshToken
    }
  | { readonly kind: 'service'; readonly token: ClientCredentials; readonly client: DevClient }

/**
 * The claims of an access token in Keycloak's shape (`realm_access`, `resource_access`) with flat `roles` and `permissions`
 * beside them. They go over those the provider has set (`iss`, `aud`, `iat`, `exp`, `jti`, `scope`, `client_id`).
 */
export function tokenClaims(subject: TokenSubject): Readonly<Record<string, unknown>> {
  const shared = { typ: 'Bearer', azp: subject.token.clientId }
  if (subject.kind === 'service') {
    const { client } = subject
    return { ...shared, sub: client.subject, ...roleClaims(client.roles, {}) }
  }
  const { token, user, refreshToken } = subject
  return {
    ...shared,
    sub: user.id,
    // A session is one grant: they share their id.
    sid: token.grantId,
    ...(refreshToken.acr === undefined ? {} : { acr: refreshToken.acr }),
    amr: refreshToken.amr,
    auth_time: refreshToken.authTime,
    preferred_username: user.username,
    ...roleClaims(user.roles, user.module_permissions ?? {}),
  }
}

function roleClaims(
  roles: readonly string[],
  modulePermissions: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, unknown>> {
  const access = Object.entries(modulePermissions).map(([module, permissions]) => [module, { roles: permissions }])
  return {
    roles,
    permissions: [...new Set(Object.values(modulePermissions).flat())],
    realm_access: { roles },
    resource_access: Object.fromEntries(access),
  }
}
