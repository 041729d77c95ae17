import { defaultGrants } from '@pop-api/policy'
import type { z } from 'zod'
import { contradictions, modeOf, startFaults, warningsOf } from './check-settings.ts'
import { ambiguities, lineOf, noteAt, pathsOf, type Places, type SettingsNote } from './places.ts'
import { sayIssue } from './say-issue.ts'
import { keysWithoutEffect, settingsSchema, type EnvironmentMode, type SettingsFile } from './schema.ts'
import { parseYaml, syntaxFaults } from './yaml-text.ts'

/** Resolved settings: frozen, complete, with the block of `environments` that is in force as `mode`. */
export type Settings = Readonly<Omit<SettingsFile, 'grants'>> & {
  readonly grants: Readonly<Record<string, readonly string[]>>
  readonly mode: Readonly<EnvironmentMode>
}

export type SettingsResult =
  | {
      readonly ok: true
      readonly settings: Settings
      /** Why `pop up` starts nothing with them, good as they are. */
      readonly startFaults: readonly SettingsNote[]
      readonly warnings: readonly SettingsNote[]
      /** Keys of this file that are accepted and checked and change nothing yet. */
      readonly withoutEffect: readonly { readonly line: number; readonly key: string }[]
    }
  | { readonly ok: false; readonly faults: readonly SettingsNote[] }

/** Reads the text of a `pop.yaml`. Reports every fault at once, each with its line. Reads no file and resolves no secret. */
export function loadSettings(text: string): SettingsResult {
  const places = parseYaml(text)
  const unreadable = syntaxFaults(places)
  if (unreadable.length > 0) return { ok: false, faults: unreadable }
  const doubtful = ambiguities(places)
  // An alias may stand for more than fits into memory: nothing is made of it.
  if (doubtful.some(({ key }) => key.startsWith('*'))) return { ok: false, faults: doubtful }
  const value: unknown = places.document.toJS() ?? {}
  const parsed = settingsSchema.safeParse(value)
  const faults = parsed.success
    ? contradictions(parsed.data, places)
    : parsed.error.issues.flatMap((issue) => faultsOf(issue, value, places))
  const mode = parsed.success ? modeOf(parsed.data) : undefined
  if (!parsed.success || mode === undefined || faults.length + doubtful.length > 0) {
    return { ok: false, faults: [...doubtful, ...faults].toSorted((one, other) => one.line - other.line) }
  }
  return resolve(parsed.data, mode, places)
}

function resolve(file: SettingsFile, mode: EnvironmentMode, places: Places): SettingsResult {
  const grants = file.grants ?? grantsUnlessTold(file)
  return {
    ok: true,
    settings: deepFreeze({ ...file, grants, mode }),
    startFaults: startFaults(file, places),
    warnings: warningsOf(file, places),
    withoutEffect: keysWithoutEffect
      .flatMap((key) => pathsOf(places.document, key.split('.')))
      .map((path) => ({ line: lineOf(places, path), key: path.join('.') })),
  }
}

/** The default grants of those roles that there are: what a grant gives to no role gives nothing. */
function grantsUnlessTold({ roles }: SettingsFile): Settings['grants'] {
  return Object.fromEntries(Object.entries(defaultGrants).filter(([role]) => Object.hasOwn(roles, role)))
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown, places: Places): readonly SettingsNote[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => noteAt(places, [...path, key], 'unknown key'))
  }
  // The fault of a name is about the name itself.
  const found = issue.code === 'invalid_key' ? path.at(-1) : valueAt(value, issue.path)
  return [noteAt(places, path, sayIssue(issue, found))]
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((above, name) => {
    if (typeof above !== 'object' || above === null || !Object.hasOwn(above, name)) return undefined
    const member: unknown = Reflect.get(above, name)
    return member
  }, value)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
