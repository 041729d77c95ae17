import { access } from 'node:fs/promises'
import { loadSettings, type Settings, type SettingsNote, type SettingsResult } from '@pop-api/settings'
import { findSettingsText } from '../client/settings-text.ts'
import { CommandFailure, usageFailure } from '../command-failure.ts'
import { devUsersPath } from '../dev/dev-users-file.ts'
import { readIssuerCa } from '../realm/issuer-roots.ts'
import { errorCode } from './own-file.ts'

/** Settings that a start may take, and where they are from. */
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
  const faults = await faultsOfStart(result, home)
  if (result.ok && faults.length === 0) return { settings: result.settings, name }
  throw usageFailure(`the settings are not usable:${faults.map((fault) => `\n${faultLine(name, fault)}`).join('')}`)
}

/** Every reason why these settings start nothing on this home: what is wrong with them, and what does not go with the home. */
export async function faultsOfStart(result: SettingsResult, home: string): Promise<readonly SettingsNote[]> {
  if (!result.ok) return result.faults
  if (result.settings.environment !== 'production' || !(await exists(devUsersPath(home)))) return result.startFaults
  const next = 'Give production a home of its own with --home'
  const message = `production does not start beside the users of development in ${devUsersPath(home)}. ${next}`
  return [...result.startFaults, { line: 1, key: 'environment', message }]
}

/** `pop.yaml:7: limits.speed: unknown key` */
export function faultLine(name: string, { line, key, message }: SettingsNote): string {
  return `${name}:${line}: ${key === '' ? '' : `${key}: `}${message}`
}

/** The fault of `identity.ca` where its file is not there, or holds no certificate: a run would start, and verify no token. */
export async function faultsOfCa(settings: Settings): Promise<readonly SettingsNote[]> {
  try {
    await readIssuerCa(settings)
    return []
  } catch (failure) {
    if (!(failure instanceof CommandFailure)) throw failure
    return [{ line: 1, key: 'identity.ca', message: failure.message }]
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false
    throw usageFailure(`${path} cannot be looked at (${errorCode(error)}): run as its owner`, error)
  }
}
