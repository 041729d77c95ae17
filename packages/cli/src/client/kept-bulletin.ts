import { join } from 'node:path'
import {
  bulletinCharactersMax,
  isCount,
  isJsonObject,
  parseManifest,
  parseStrictJson,
  PopError,
  sectionShapes,
  type JsonObject,
  type Manifest,
  type ModuleInstance,
  type ModulesSection,
  type PolicySection,
} from '@pop-api/protocol'
import type { Standing } from '@pop-api/policy'
import { usageFailure } from '../command-failure.ts'
import { readOwnFile } from '../up/own-file.ts'
import { decodeToken } from './decode-token.ts'

/** What the gateway of a home goes by, as it keeps it on its disk for its next start. */
export interface KeptBulletin {
  readonly path: string
  /** When control last said that this is the present bulletin, milliseconds since 1970 by its clock. */
  readonly heardMs: number
  readonly policy: PolicySection
  /** Role → what its holders may do to the system itself. */
  readonly operators: Readonly<Record<string, readonly Standing[]>>
  readonly modules: readonly KeptModule[]
}

interface KeptModule {
  readonly manifest: Manifest
  readonly instances: readonly ModuleInstance[]
}

/** Snapshot, one change of each section and a heartbeat. */
const bytesMax = 6 * bulletinCharactersMax

/**
 * Reads the bulletin that the gateway of a home keeps; undefined when there is none. Its signatures are the gateway's to verify: here
 * it only explains, and the file is its owner's alone. Throws a CommandFailure (usage) for one that cannot be read.
 */
export async function readKeptBulletin(home: string): Promise<KeptBulletin | undefined> {
  const path = join(home, 'gateway', 'snapshot')
  const text = await readOwnFile(path, bytesMax)
  if (text === undefined) return undefined
  const parsed = parseStrictJson(text)
  const { snapshot, changes, heartbeat } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const start = claimsOf(snapshot)
  const sections = start?.['sections']
  if (start === undefined || !isJsonObject(sections) || !Array.isArray(changes)) throw unreadable(path)
  const messages: readonly unknown[] = heartbeat === null ? changes : [...changes, heartbeat]
  const later = messages
    .map(claimsOf)
    .filter((claims) => claims !== undefined)
    .filter(({ epoch }) => epoch === start['epoch'])
    .toSorted((one, other) => Number(one['sequence']) - Number(other['sequence']))
  const present: JsonObject = later.reduce<JsonObject>(
    (before, { section, value }) =>
      typeof section === 'string' && section !== 'heartbeat' ? { ...before, [section]: value } : before,
    sections,
  )
  const { policy, modules, settings } = present
  if (!isPolicy(policy) || !isModules(modules)) throw unreadable(path)
  return {
    path,
    heardMs: Math.max(...[start, ...later].map(({ issued }) => (isCount(issued) ? issued : 0))),
    policy,
    operators: operatorsOf(settings),
    modules: Object.values(modules).map(({ manifest, instances }) => ({
      manifest: readManifest(manifest, path),
      instances,
    })),
  }
}

/** The manifest of a document. Throws a CommandFailure (usage) that names its faults. `name` is what to call the file. */
export function readManifest(document: unknown, name: string): Manifest {
  try {
    return parseManifest(document)
  } catch (error) {
    if (!(error instanceof PopError)) throw error
    throw usageFailure(`${name}: ${error.message}`, error)
  }
}

const standings: readonly Standing[] = ['operator', 'auditor', 'approver']

/** The key `operators` of the settings; nothing where a gateway of before did not keep it. */
function operatorsOf(settings: unknown): KeptBulletin['operators'] {
  const operators = isJsonObject(settings) ? settings['operators'] : undefined
  const entries = Object.entries(isJsonObject(operators) ? operators : {})
  return Object.fromEntries(
    entries.map(([role, list]) => [role, Array.isArray(list) ? standings.filter((one) => list.includes(one)) : []]),
  )
}

function isPolicy(value: unknown): value is PolicySection {
  return sectionShapes.policy(value)
}

function isModules(value: unknown): value is ModulesSection {
  return sectionShapes.modules(value)
}

function claimsOf(jws: unknown): JsonObject | undefined {
  const decoded = typeof jws === 'string' ? decodeToken(jws) : undefined
  return decoded?.ok === true ? decoded.claims : undefined
}

function unreadable(path: string) {
  return usageFailure(`${path} is not a kept bulletin of this version: start the gateway once with \`pop up\``)
}
