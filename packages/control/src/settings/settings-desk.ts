import {
  overlaySettings,
  readGatewaySection,
  readOverlay,
  type GatewaySettings,
  type SettingsFault,
  type SettingsOverlay,
} from '@pop-api/settings'
import { readFact, setFact, type Store } from '../store/store.ts'

// Two facts: `settings` is what pop.yaml says, `settings_overlay` what was changed while running. In force is the one above the other.

/** The settings in force. Throws an Error before any were published. */
export function settingsInForce(store: Store): GatewaySettings {
  return overlaySettings(settingsOfFile(store), overlayOf(store))
}

/** What `pop.yaml` says. Throws an Error before it was published. */
function settingsOfFile(store: Store): GatewaySettings {
  const text = readFact(store, 'settings')
  if (text === undefined) throw new Error('No settings were published yet.')
  return readGatewaySection(JSON.parse(text))
}

/** What was changed while running; nothing where that is not valid any more: see `dropInvalidOverlay`. */
export function overlayOf(store: Store): SettingsOverlay {
  const read = readOverlay(storedOverlay(store))
  return read.ok ? read.value : {}
}

/** Puts other settings of `pop.yaml` in place; true if they are other ones. Runs inside a change. */
export function putSettingsOfFile(store: Store, settings: GatewaySettings): boolean {
  return putFact(store, 'settings', { ...settings, overlay: {} })
}

/** Puts another overlay in place. Runs inside a change. */
export function putOverlay(store: Store, overlay: SettingsOverlay): void {
  putFact(store, 'settings_overlay', overlay)
}

/** Writes a fact; true if it was another one before. */
export function putFact(store: Store, name: string, value: unknown): boolean {
  const text = JSON.stringify(value)
  if (readFact(store, name) === text) return false
  setFact(store, name, text)
  return true
}

/** Takes away an overlay that this version's schema refuses, and tells why; undefined where it holds. Runs inside a change. */
export function dropInvalidOverlay(store: Store): readonly SettingsFault[] | undefined {
  const read = readOverlay(storedOverlay(store))
  if (read.ok) return undefined
  putOverlay(store, {})
  return read.faults
}

function storedOverlay(store: Store): unknown {
  const text = readFact(store, 'settings_overlay')
  return text === undefined ? {} : parsed(text)
}

/** What cannot even be parsed is no overlay either: a text, which `readOverlay` refuses. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
