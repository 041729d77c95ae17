import { randomUUID } from 'node:crypto'
import { errors, type Grant, type Provider } from 'oidc-provider'
import type { DevUser } from '../dev-users.ts'

export const resource = 'urn:pop-api'
export const grantedScope = 'profile'
/** What a client may ask for. */
export const knownScopes = ['openid', grantedScope]

/** Throws `invalid_scope`. */
export function refuseUnknownScope(scope: string): void {
  const unknown = scope.split(' ').filter((word) => word !== '' && !knownScopes.includes(word))
  if (unknown.length > 0) throw new errors.InvalidScope('unknown scope', unknown.join(' '))
}

/** Begins a session of a user at a client and keeps it: one grant, whose id is the `sid` of its tokens. */
export async function beginGrant(provider: Provider, user: DevUser, clientId: string, scope: string): Promise<Grant> {
  const grant = new provider.Grant({ jti: randomUUID(), accountId: user.id, clientId })
  grant.addOIDCScope(scope)
  grant.addResourceScope(resource, scope)
  await grant.save()
  return grant
}
