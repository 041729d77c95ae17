export { loadSettings, type Settings, type SettingsFault, type SettingsResult } from './load.ts'
export { keysWithoutEffect, type SecretReference } from './schema.ts'
export { developmentSettings } from './development.ts'
export { gatewaySection, readGatewaySection, type GatewaySettings } from './section.ts'
