import { developmentSettings, gatewaySection, loadSettings } from '@pop-api/settings'

const loaded = loadSettings(developmentSettings)
if (!loaded.ok) throw new Error('The settings of development do not load.')

/** The settings that there are without a `pop.yaml`, as a control publishes them. */
export const settings = gatewaySection(loaded.settings)
const { roles, module_permissions, grants } = loaded.settings
export const policy = { roles, module_permissions, grants }
