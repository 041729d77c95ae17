import { logoutOperation, revokeOperation, type EndSessionOptions } from './oauth/end-session.ts'
import { tokenOperation } from './oauth/token.ts'
import type { OpenOperation, OwnOperation } from './operation.ts'
import { ownOperations, resourceMetadata, type OwnOptions } from './own-operations.ts'
import { settingsOperations, type SettingsOptions } from './settings-operations.ts'
import { testTokenOperation } from './test-token-operation.ts'

/** Everything that the gateway serves by itself. */
export function mountOperations(
  session: EndSessionOptions,
  options: OwnOptions & SettingsOptions,
): readonly (OwnOperation | OpenOperation)[] {
  const all: readonly (OwnOperation | OpenOperation)[] = [
    tokenOperation(session),
    revokeOperation(session),
    logoutOperation(session),
    resourceMetadata(options),
    ...settingsOperations(options),
    testTokenOperation(options),
    ...ownOperations(options, () => all),
  ]
  return all
}
