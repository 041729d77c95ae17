import type {
  KeyState,
  ModulesSection,
  PolicySection,
  SectionName,
  TrustedKey,
  TrustSection,
} from '../bulletin/sections.ts'
import { isJsonObject, isPlainText, isTextList, type JsonObject } from '../encoding/shape.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import { isIncidentsSection } from '../incident/revocation.ts'
import { testIssuer } from './test-token.ts'

const keyStates: readonly KeyState[] = ['next', 'active', 'retiring', 'distrusted']
const listItemsMax = 10_000

/** One check for each section of a bulletin: true if the value has the shape of its type in `bulletin/sections.ts`. */
export const sectionShapes: Readonly<Record<SectionName, (value: unknown) => boolean>> = {
  trust: isTrustSection,
  modules: isModulesSection,
  policy: isPolicySection,
  settings: isJsonObject,
  incidents: isIncidentsSection,
}

export function isSectionName(name: unknown): name is SectionName {
  return typeof name === 'string' && Object.hasOwn(sectionShapes, name)
}

function isTrustSection(value: unknown): value is TrustSection {
  return (
    isJsonObject(value) &&
    isPlainText(value['domain'], 255) &&
    isListOf(value['authorities'], isAuthority) &&
    isListOf(value['wit_issuers'], isTrustedKey) &&
    isListOf(value['txn_keys'], (key) => isTrustedKey(key) && isPlainText((key as { owner?: unknown }).owner, 512)) &&
    (value['test_keys'] === undefined || isListOf(value['test_keys'], isTestKey))
  )
}

function isAuthority(value: unknown): boolean {
  if (!isJsonObject(value) || !isPlainText(value['id'], 256) || !isKeyState(value['state'])) return false
  return typeof value['certificate'] === 'string'
}

function isTestKey(value: unknown): boolean {
  return isTrustedKey(value) && (value as { owner?: unknown }).owner === testIssuer
}

function isTrustedKey(value: unknown): value is TrustedKey {
  return (
    isJsonObject(value) && isPlainText(value['kid'], 256) && isKeyState(value['state']) && isJsonObject(value['jwk'])
  )
}

function isKeyState(value: unknown): value is KeyState {
  return keyStates.some((state) => state === value)
}

function isModulesSection(value: unknown): value is ModulesSection {
  return (
    isJsonObject(value) && Object.entries(value).every(([name, entry]) => isJsonObject(entry) && isModule(name, entry))
  )
}

function isModule(name: string, entry: JsonObject): boolean {
  const { manifest, manifest_digest: digest, instances } = entry
  if (entry['name'] !== name || !isJsonObject(manifest) || !isPlainText(digest, 256)) return false
  return isListOf(instances, (instance) => isInstance(name, instance))
}

function isInstance(name: string, value: unknown): boolean {
  if (!isJsonObject(value)) return false
  const { spiffe_id: spiffeId, address, boot } = value
  const id = typeof spiffeId === 'string' ? parseSpiffeId(spiffeId) : undefined
  return id?.kind === 'module' && id.module === name && isPlainText(address, 512) && isPlainText(boot, 128)
}

function isPolicySection(value: unknown): value is PolicySection {
  return isJsonObject(value) && [value['roles'], value['module_permissions'], value['grants']].every(isMapOfTexts)
}

function isMapOfTexts(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).every((list) => isTextList(list, listItemsMax, 256))
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= listItemsMax && value.every(isItem)
}
