import { standingPermission, type Requirement } from '@pop-api/policy'

/** What the gateway's own operations need; they stand in no manifest. A test compares them with a running gateway. */
export const gatewayOperations: readonly { readonly id: string; readonly requires: Requirement }[] = [
  { id: 'GET /v1/pop/metrics', requires: { role: 'view_metrics' } },
  { id: 'GET /v1/pop/settings', requires: { role: 'modify_settings' } },
  { id: 'PATCH /v1/pop/settings', requires: { role: 'modify_settings' } },
  { id: 'POST /v1/pop/test-tokens', requires: { role: 'modify_settings' } },
  { id: 'GET /v1/pop/incidents', requires: { role: standingPermission('auditor') } },
  { id: 'POST /v1/pop/incidents/revocations', requires: { role: standingPermission('operator') } },
  { id: 'DELETE /v1/pop/incidents/revocations/{id}', requires: { role: standingPermission('operator') } },
  { id: 'GET /v1/pop/users', requires: { role: standingPermission('auditor') } },
  { id: 'POST /v1/pop/users', requires: { role: standingPermission('operator') } },
  { id: 'GET /v1/pop/users/{user}', requires: { role: standingPermission('auditor') } },
  { id: 'GET /v1/pop/users/{user}/sessions', requires: { role: standingPermission('auditor') } },
  { id: 'PUT /v1/pop/users/{user}/roles', requires: { role: standingPermission('operator') } },
  ...['disable', 'enable', 'unlock', 'reset-password', 'reset-2fa', 'logout'].map((verb) => ({
    id: `POST /v1/pop/users/{user}/${verb}`,
    requires: { role: standingPermission('operator') },
  })),
]
