import type { AccessToken, ClientCredentials, SignInFacts } from 'oidc-provider'
import type { DevClient, DevUser } from '../dev-users.ts'
import type { SignedIn } from '../sign-in/sign-in.ts'

/** `acr` of a sign-in that has proven password and one-time code; what the gateway asks for (`require_2fa`). */
export const secondFactorAcr = 'pop-mfa'

/** What a sign-in has shown, as its tokens say it. `nowMs`: milliseconds since 1970. */
export function factsOf({ secondFactor }: SignedIn, nowMs: number): Required<SignInFacts> {
  return {
    acr: secondFactor ? secondFactorAcr : undefined,
    amr: secondFactor ? ['pwd', 'otp'] : ['pwd'],
    authTime: Math.floor(nowMs / 1000),
  }
}

/** Whom a token is about, as far as the provider does not say itself. */
export type TokenSubject =
  | {
      readonly kind: 'user'
      readonly token: AccessToken
      readonly user: DevUser
      /** Of the code or the refresh token that it is given for: they carry the facts of the sign-in through every refresh. */
      readonly facts: SignInFacts
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
  const { token, user, facts } = subject
  return {
    ...shared,
    sub: user.id,
    // A session is one grant: they share their id.
    sid: token.grantId,
    ...(facts.acr === undefined ? {} : { acr: facts.acr }),
    amr: facts.amr,
    auth_time: facts.authTime,
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
