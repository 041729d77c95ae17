export { loadSettings, type Settings, type SettingsResult } from './load.ts'
export type { SettingsNote } from './places.ts'
export { keysWithoutEffect, type SecretReference } from './schema.ts'
export { settingsReference, type SettingsKey } from './reference.ts'
export { developmentSettings } from './development.ts'
export {
  allowsTestTokens,
  gatewaySection,
  providerFailuresMax,
  readGatewaySection,
  type GatewaySettings,
} from './section.ts'
export {
  applyPatch,
  liveKeys,
  overlaySettings,
  readOverlay,
  readPatch,
  type SettingsFault,
  type SettingsOverlay,
  type SettingsPatch,
} from './live.ts'
export { settingsTag, showSettings } from './show.ts'
export { settingsJsonSchema } from './json-schema.ts'
export { starterEnvironments, starterSettings, type StarterEnvironment } from './starter.ts'
export { realmPlaceOf, type RealmPlace } from './realm-place.ts'
export { readYaml, type YamlResult } from './yaml-text.ts'
