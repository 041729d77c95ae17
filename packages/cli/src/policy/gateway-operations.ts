import type { Requirement } from '@pop-api/policy'

/** What the gateway's own operations need; they stand in no manifest. A test compares them with a running gateway. */
export const gatewayOperations: readonly { readonly id: string; readonly requires: Requirement }[] = [
  { id: 'GET /v1/pop/metrics', requires: { role: 'view_metrics' } },
  { id: 'GET /v1/pop/settings', requires: { role: 'modify_settings' } },
  { id: 'PATCH /v1/pop/settings', requires: { role: 'modify_settings' } },
  { id: 'POST /v1/pop/test-tokens', requires: { role: 'modify_settings' } },
]
