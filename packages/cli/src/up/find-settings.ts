import { loadSettings, type Settings } from '@pop-api/settings'
import { findSettingsText } from '../client/settings-text.ts'
import { usageFailure } from '../command-failure.ts'

/** Settings that are good, and where they are from. */
export interface FoundSettings {
  readonly settings: Settings
  /** A name for messages. */
  readonly name: string
}

/**
 * The settings in force: of `config`, else of `./pop.yaml`, else of `<home>/pop.yaml`, else the built-in ones. Throws a
 * CommandFailure (usage) that lists every fault with its line; warnings are for `pop config check`.
 */
export async function findSettings(config: string | undefined, home: string): Promise<FoundSettings> {
  const { name, text } = await findSettingsText(config, home)
  const result = loadSettings(text)
  if (result.ok) return { settings: result.settings, name }
  const faults = result.faults.map(
    ({ line, key, message }) => `\n${name}:${line}: ${key === '' ? '' : `${key}: `}${message}`,
  )
  throw usageFailure(`the settings are not usable:${faults.join('')}`)
}
