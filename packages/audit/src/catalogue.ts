import type { AuditEvent, AuditStatus } from './event.ts'

/** What each field of an audit event says; `docs/reference/audit-events.md` is made from here. */
export const auditFields: Readonly<Record<keyof AuditEvent, string>> = {
  timestamp: 'when the event was written: RFC 3339, UTC, with milliseconds',
  action: 'what was asked for or done; see the actions',
  user: 'the readable name, for people only; `-` when nobody was identified. At control: the SPIFFE ID or name of a workload',
  service: 'whose operation it was: `gateway`, `control`, or the name of a module',
  resource_id:
    'the resource, the account of a sign-in, or the workload; `-` where there is none or the writer does not know it',
  ip_address: 'the address of the caller; `*` where too many were counted together',
  status: 'how it ended; see the states',
  request_id: 'what the client got as `X-Request-Id`; the same at gateway, module and control',
  trace:
    'trace id of W3C Trace Context: the same at gateway and module, and in the tracing system that a client reports to',
  txn: 'the transaction: of the Txn-Token; the same in every module that took part',
  decision: 'id of the policy decision; a client that got 403 was told it',
  reason: 'why: the sentence of the policy, or the code of the problem',
  operation: '`METHOD template`; with the base of the module at the gateway, without it at the module',
  latency_ms: 'how long it took the writer',
  subject: 'who it was, as the verified credential says: `user:ID`, `client:ID` or `module:NAME`',
  session: 'the session of the caller’s token (`sid`): what else came of one sign-in',
  code: 'the HTTP status of the answer; an `opened` has none',
  count: 'how many like events this one stands for; only in `refusals/`',
  test_token: '`true` where the caller came with a test token: a made-up person of development',
  incident: '`true` where no mistake of a client explains the refusal: somebody should look at it',
}

/** What each status of an event says. */
export const auditStates: Readonly<Record<AuditStatus, string>> = {
  success: 'it was done; the answer was below 400',
  refused: 'it was not done; the answer was 4xx',
  failure:
    'it went wrong; the answer was 5xx, and whether something was done stands in the other events of the request',
  opened: 'a change was announced, durably, before it was forwarded; without a closing event its outcome is unknown',
}

/** What each action is, and who writes it. */
export const auditActions: Readonly<Record<string, { readonly by: string; readonly meaning: string }>> = {
  resource_creation: { by: 'gateway and module', meaning: 'an operation with the effect `create`' },
  resource_read: { by: 'gateway and module', meaning: 'an operation with the effect `read`' },
  resource_change: { by: 'gateway and module', meaning: 'an operation with the effect `change`' },
  resource_deletion: { by: 'gateway and module', meaning: 'an operation with the effect `delete`' },
  resource_list: { by: 'gateway and module', meaning: 'an operation with the effect `list`' },
  request: { by: 'gateway', meaning: 'a request that leads to no operation, or to one without a resource' },
  operation: { by: 'module', meaning: 'an operation without a resource' },
  seal_refusal: { by: 'module', meaning: 'a message whose seal did not hold, or that leads nowhere' },
  refusal: { by: 'gateway, in `refusals/`', meaning: 'what the front door refused, counted' },
  sign_in: { by: 'gateway', meaning: '`POST /oauth/token`; `resource_id` is the account that was named' },
  account_lock: {
    by: 'gateway',
    meaning:
      'a failed sign-in was the last that its account and network had, with `lockout.scope: account+network`; once for each lock',
  },
  sign_out: { by: 'gateway', meaning: '`POST /oauth/logout`' },
  token_revocation: { by: 'gateway', meaning: '`POST /oauth/revoke`' },
  token_refresh: { by: 'gateway', meaning: '`POST /oauth/token` with a refresh token' },
  token_exchange: { by: 'gateway', meaning: '`POST /oauth/token` with a token of somebody else' },
  token_introspection: { by: 'gateway', meaning: '`POST /oauth/introspect`' },
  device_authorization: { by: 'gateway', meaning: '`POST /oauth/device_authorization`' },
  device_poll: {
    by: 'gateway',
    meaning: '`POST /oauth/token` by a device whose person has not signed in yet',
  },
  settings_read: { by: 'gateway', meaning: '`GET /v1/pop/settings`' },
  settings_change: { by: 'gateway and control', meaning: '`PATCH /v1/pop/settings`' },
  test_token_mint: { by: 'gateway and control', meaning: '`POST /v1/pop/test-tokens`' },
  revocation: {
    by: 'gateway and control',
    meaning: '`POST /v1/pop/incidents/revocations`; at control also what the endpoints of a gateway revoked',
  },
  revocation_dry_run: { by: 'gateway', meaning: 'the same with `dry_run`: nothing was revoked' },
  revocation_undo: { by: 'gateway and control', meaning: '`DELETE /v1/pop/incidents/revocations/{id}`' },
  user_list: { by: 'gateway and control', meaning: '`GET /v1/pop/users`' },
  user_read: { by: 'gateway and control', meaning: '`GET /v1/pop/users/{user}`' },
  user_sessions_read: { by: 'gateway and control', meaning: '`GET /v1/pop/users/{user}/sessions`' },
  user_creation: { by: 'gateway and control', meaning: '`POST /v1/pop/users`' },
  user_roles_change: {
    by: 'gateway and control',
    meaning: '`PUT /v1/pop/users/{user}/roles`; `+` and `-` before what was given and taken away',
  },
  user_disable: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/disable`' },
  user_enable: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/enable`' },
  user_unlock: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/unlock`' },
  user_password_reset: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/reset-password`' },
  user_second_factor_reset: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/reset-2fa`' },
  user_logout: { by: 'gateway and control', meaning: '`POST /v1/pop/users/{user}/logout`' },
  incident_read: { by: 'gateway', meaning: '`GET /v1/pop/incidents`' },
  backchannel_logout: { by: 'gateway', meaning: '`POST /oauth/backchannel-logout`: the provider ended a session' },
  provider_logout: {
    by: 'gateway',
    meaning: '`POST /oauth/keycloak/k_logout`: Keycloak ended sessions, or all of them',
  },
  not_before_push: {
    by: 'gateway',
    meaning: '`POST /oauth/keycloak/k_push_not_before`: what Keycloak issued before a moment is over',
  },
  metrics_read: { by: 'gateway', meaning: '`GET /v1/pop/metrics`' },
  api_description_read: { by: 'gateway', meaning: '`GET /openapi.json`' },
  resource_metadata_read: { by: 'gateway', meaning: '`GET /.well-known/oauth-protected-resource`' },
  enrolment: { by: 'control', meaning: 'a workload enrolled; what was refused is counted in `refusals/`' },
  renewal: { by: 'control', meaning: 'a workload got new certificates for the keys that it has' },
  instance_report: { by: 'control', meaning: 'an instance of a module said where it listens' },
  manifest_pin: { by: 'control', meaning: 'another manifest is in force, or waits for approval' },
  manifest_approval: { by: 'control', meaning: 'an operator approved a manifest that waited' },
  settings_publication: { by: 'control', meaning: '`pop.yaml` was published, at a start or while running' },
  settings_overlay_drop: { by: 'control', meaning: 'what was changed while running no longer fits, and was dropped' },
}
