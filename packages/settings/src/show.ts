import { hash } from 'node:crypto'
import type { PolicyRules } from '@pop-api/policy'
import { liveKeys } from './live.ts'
import type { GatewaySettings } from './section.ts'

/**
 * The settings in force as `GET /v1/pop/settings` gives them, with the keys that are live. Without `client_secret` and `ca`: where a
 * secret lies is nobody's business who has not to fetch it.
 */
export function showSettings(settings: GatewaySettings, policy: PolicyRules): Readonly<Record<string, unknown>> {
  const { identity, ...rest } = settings
  const { client_secret: _reference, ca: _file, ...shown } = identity
  const { roles, module_permissions, grants } = policy
  return { ...rest, identity: shown, roles, module_permissions, grants, live: liveKeys }
}

/** The entity tag (RFC 9110 section 8.8.3) of what `showSettings` gives: the same at every gateway and at control. */
export function settingsTag(settings: GatewaySettings, policy: PolicyRules): string {
  const text = JSON.stringify(showSettings(settings, policy))
  return `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
}
