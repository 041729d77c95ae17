import { defaultGrants } from '@pop-api/policy'
import { isMap, LineCounter, parseDocument, visit, type Document } from 'yaml'
import type { z } from 'zod'
import { keysWithoutEffect, settingsSchema, type EnvironmentMode, type SettingsFile } from './schema.ts'

/** Resolved settings: frozen, complete, with the block of `environments` that is in force as `mode`. */
export type Settings = Readonly<Omit<SettingsFile, 'grants'>> & {
  readonly grants: Readonly<Record<string, readonly string[]>>
  readonly mode: Readonly<EnvironmentMode>
}

/** One thing wrong with `pop.yaml`. `line` counts from one. */
export interface SettingsFault {
  readonly line: number
  readonly key: string
  readonly message: string
}

export type SettingsResult =
  | {
      readonly ok: true
      readonly settings: Settings
      readonly warnings: readonly string[]
      /** Keys of this file that are accepted and checked and change nothing yet. */
      readonly withoutEffect: readonly { readonly line: number; readonly key: string }[]
    }
  | { readonly ok: false; readonly faults: readonly SettingsFault[] }

/** Reads the text of a `pop.yaml`. Reports every fault at once, each with its line. Reads no file and resolves no secret. */
export function loadSettings(text: string): SettingsResult {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2', customTags: [] })
  if (document.errors.length > 0) {
    return {
      ok: false,
      faults: document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        key: '',
        message: firstLine(error.message),
      })),
    }
  }
  const aliases = aliasFaults(document, lines)
  if (aliases.length > 0) return { ok: false, faults: aliases }
  const parsed = settingsSchema.safeParse(document.toJS() ?? {})
  if (!parsed.success)
    return { ok: false, faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, document, lines)) }
  return resolve(parsed.data, document, lines)
}

function aliasFaults(document: Document, lines: LineCounter): SettingsFault[] {
  const faults: SettingsFault[] = []
  visit(document, {
    Alias(_key, alias) {
      const line = lines.linePos(alias.range?.[0] ?? 0).line
      faults.push({ line, key: `*${alias.source}`, message: 'aliases are not accepted: write the value out' })
    },
  })
  return faults
}

function resolve(file: SettingsFile, document: Document, lines: LineCounter): SettingsResult {
  const mode = Object.hasOwn(file.environments, file.environment) ? file.environments[file.environment] : undefined
  const faults: SettingsFault[] = []
  if (mode === undefined) {
    const known = Object.keys(file.environments).join(', ')
    faults.push({
      line: lineOf(document, lines, ['environment']),
      key: 'environment',
      message: `expected one of environments (${known}), found ${file.environment}`,
    })
  }
  if (mode !== undefined && file.environment === 'production')
    faults.push(...productionFaults(file, mode, document, lines))
  if (mode === undefined || faults.length > 0) return { ok: false, faults }
  const grants = file.grants ?? defaultGrants
  return {
    ok: true,
    settings: deepFreeze({ ...file, grants, mode }),
    warnings: grantWarnings(file, grants),
    withoutEffect: keysWithoutEffect
      .flatMap((key) => present(document, key.split('.'), []))
      .map((path) => ({
        line: lineOf(document, lines, path),
        key: path.join('.'),
      })),
  }
}

/** The paths of the file that a key stands for: none where the file does not have it, several where a part of it is `*`. */
function present(
  document: Document,
  [first, ...rest]: readonly string[],
  path: readonly string[],
): (readonly string[])[] {
  if (first === undefined) return [path]
  if (first !== '*') return document.hasIn([...path, first]) ? present(document, rest, [...path, first]) : []
  const block: unknown = document.getIn(path)
  const names = isMap(block) ? block.items.map(({ key }) => String(key)) : []
  return names.flatMap((name) => present(document, rest, [...path, name]))
}

/** `production` is not a name only: it refuses what belongs to development. */
function productionFaults(
  file: SettingsFile,
  mode: EnvironmentMode,
  document: Document,
  lines: LineCounter,
): SettingsFault[] {
  const faults: SettingsFault[] = []
  const fault = (path: readonly string[], message: string): void => {
    faults.push({ line: lineOf(document, lines, path), key: path.join('.'), message })
  }
  const block = ['environments', 'production']
  if (!mode.require_mTLS) fault([...block, 'require_mTLS'], 'production needs require_mTLS: true')
  if (mode.allow_test_tokens) fault([...block, 'allow_test_tokens'], 'production needs allow_test_tokens: false')
  if (document.hasIn(['identity', 'provider']) && file.identity.provider === 'embedded') {
    fault(
      ['identity', 'provider'],
      'production needs an identity provider of its own: the embedded one is for development',
    )
  }
  return faults
}

function grantWarnings(file: SettingsFile, grants: Settings['grants']): string[] {
  const known = new Set(Object.values(file.module_permissions).flat())
  return Object.entries(grants).flatMap(([role, list]) =>
    list
      .filter((permission) => !known.has(permission))
      .map(
        (permission) =>
          `grants.${role}: ${permission} is in no module_permissions and grants nothing until a module declares it`,
      ),
  )
}

function faultsOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): SettingsFault[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      line: lineOf(document, lines, [...path, key]),
      key: [...path, key].join('.'),
      message: 'unknown key',
    }))
  }
  return [{ line: lineOf(document, lines, path), key: path.join('.'), message: issue.message }]
}

/** The line of a key, or of the nearest one above it that stands in the file. */
function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true)
    const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined
    const start: unknown = Array.isArray(range) ? range[0] : undefined
    if (typeof start === 'number') return lines.linePos(start).line
  }
  return 1
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
