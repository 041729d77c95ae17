import { incidentOperations, type IncidentOptions } from './incident-operations.ts'
import { keycloakOperations } from './oauth/backchannel-keycloak.ts'
import { backchannelLogout } from './oauth/backchannel-logout.ts'
import { deviceAuthorizationOperation } from './oauth/device-authorization.ts'
import { logoutOperation, revokeOperation, type EndSessionOptions } from './oauth/end-session.ts'
import { introspectionOperation } from './oauth/introspect.ts'
import { tokenOperation, type TokenOptions } from './oauth/token.ts'
import type { OpenOperation, OwnOperation } from './operation.ts'
import { ownOperations, resourceMetadata, type OwnOptions } from './own-operations.ts'
import { peopleOperations } from './people-operations.ts'
import { settingsOperations, type SettingsOptions } from './settings-operations.ts'
import { testTokenOperation } from './test-token-operation.ts'

/** Everything that the gateway serves by itself. */
export function mountOperations(
  session: EndSessionOptions & TokenOptions,
  options: OwnOptions & SettingsOptions & IncidentOptions,
): readonly (OwnOperation | OpenOperation)[] {
  const all: readonly (OwnOperation | OpenOperation)[] = [
    tokenOperation(session),
    deviceAuthorizationOperation(session),
    introspectionOperation(session),
    revokeOperation(session),
    logoutOperation(session),
    backchannelLogout(session),
    ...keycloakOperations(session),
    resourceMetadata(options),
    ...settingsOperations(options),
    testTokenOperation(options),
    ...incidentOperations(options),
    ...peopleOperations(options),
    ...ownOperations(options, () => all),
  ]
  return all
}
