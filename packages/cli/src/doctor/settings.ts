import { loadSettings } from '@pop-api/settings'
import { findSettingsText } from '../client/settings-text.ts'
import { faultLine, faultsOfStart } from '../up/find-settings.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

/** Whether the settings that the next start takes are good, and which of their keys do nothing yet. */
export async function checkSettings(home: string, config: string | undefined): Promise<readonly Finding[]> {
  const { name, text } = await findSettingsText(config, home)
  const result = loadSettings(text)
  const faults = await faultsOfStart(result, home)
  if (faults.length > 0 || !result.ok) {
    const remedy = 'Mend them, then: pop config check'
    return faults.map((fault) => fail('settings', faultLine(name, fault), remedy))
  }
  const idle = result.withoutEffect.map(({ key }) => key)
  const about = idle.length === 0 ? '' : `; accepted and without effect yet: ${idle.join(', ')}`
  return [
    ok('settings', `${name}, environment ${result.settings.environment}${about}`),
    ...result.warnings.map((note) => warn('settings', faultLine(name, note), 'See: pop config check')),
  ]
}
