import { developmentSettings, gatewaySection, loadSettings, type GatewaySettings } from '@pop-api/settings'

/** The section of the development settings, for a control that nobody's gateway asks for an issuer. */
export function developmentSection(): GatewaySettings {
  const loaded = loadSettings(developmentSettings)
  if (loaded.ok) return gatewaySection(loaded.settings)
  throw new Error('The development settings do not load.')
}
