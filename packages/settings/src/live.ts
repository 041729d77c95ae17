import { z } from 'zod'
import { nearWord } from './near-word.ts'
import { describe, sayIssue } from './say-issue.ts'
import { settingsSchema } from './schema.ts'
import { readGatewaySection, type GatewaySettings } from './section.ts'

/** What was changed while running, above `pop.yaml`: block → live key → value. */
export type SettingsOverlay = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** A JSON merge patch (RFC 7396) of an overlay: null takes a key, or a whole block, away from it. */
export type SettingsPatch = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>

/** What is wrong with one member of a patch. */
export interface SettingsFault {
  /** JSON pointer (RFC 6901); empty where it is about the whole. */
  readonly pointer: string
  /** What was expected, what was found, and what to do. */
  readonly message: string
}

type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly SettingsFault[] }

/** Every block that has live keys, with the schemas of those, in the order of the schema. */
const liveBlocks: ReadonlyMap<string, ReadonlyMap<string, z.core.$ZodType>> = new Map(
  Object.entries(settingsSchema.shape).flatMap(([block, schema]) => {
    const fields = Object.entries(fieldsOf(schema)).filter(([, field]) => isLive(field))
    return fields.length === 0 ? [] : [[block, new Map(fields)] as const]
  }),
)

/** The keys that may be changed while running, as `limits.caller_rate`. */
export const liveKeys: readonly string[] = [...liveBlocks].flatMap(([block, fields]) =>
  [...fields.keys()].map((key) => `${block}.${key}`),
)

/**
 * Reads a merge patch of the live keys, with every fault at once: a key that is unknown, one that is not live, a value that the
 * schema of `pop.yaml` does not take. Nothing is dropped and nothing converted. Untrusted input.
 */
export function readPatch(value: unknown): Read<SettingsPatch> {
  const faults = faultsOf(value, true)
  // Without a fault every member is a block of live keys, or null.
  return faults.length === 0 ? { ok: true, value: value as SettingsPatch } : { ok: false, faults }
}

/** Reads an overlay that was kept: another version of the schema may not take it any more. */
export function readOverlay(value: unknown): Read<SettingsOverlay> {
  const faults = faultsOf(value, false)
  // Without a fault every member is a block of live keys.
  return faults.length === 0 ? { ok: true, value: value as SettingsOverlay } : { ok: false, faults }
}

/** The overlay after a patch (RFC 7396 section 2), in the order of the schema, so that equal ones are equal as text. */
export function applyPatch(overlay: SettingsOverlay, patch: SettingsPatch): SettingsOverlay {
  const blocks = [...liveBlocks].flatMap(([block, fields]) => {
    const changed = ownMember(patch, block)
    const before = changed === null ? undefined : ownMember(overlay, block)
    const merged = [...fields.keys()].flatMap((key) => {
      const next = changed?.[key] === undefined ? before?.[key] : changed[key]
      return next === undefined || next === null ? [] : [[key, next] as const]
    })
    return merged.length === 0 ? [] : [[block, Object.fromEntries(merged)] as const]
  })
  return Object.fromEntries(blocks)
}

/** The settings of `pop.yaml` with the overlay in force. Throws a `ZodError` for an overlay that `readOverlay` would refuse. */
export function overlaySettings(base: GatewaySettings, overlay: SettingsOverlay): GatewaySettings {
  const blocks = Object.entries(overlay).map(([block, values]) => {
    const present: unknown = Reflect.get(base, block)
    return [block, { ...Object(present), ...values }] as const
  })
  return readGatewaySection({ ...base, ...Object.fromEntries(blocks), overlay })
}

function faultsOf(value: unknown, takesNull: boolean): readonly SettingsFault[] {
  if (!isMap(value)) return [{ pointer: '', message: `expected a map of blocks, found ${describe(value)}` }]
  return Object.entries(value).flatMap(([block, members]) => {
    const pointer = `/${escaped(block)}`
    const fields = liveBlocks.get(block)
    if (fields === undefined) return [{ pointer, message: notLive(block, Object.keys(settingsSchema.shape), '') }]
    if (takesNull && members === null) return []
    if (!isMap(members)) return [{ pointer, message: `expected a map, found ${describe(members)}` }]
    return Object.entries(members).flatMap(([key, member]) => {
      const field = fields.get(key)
      const message =
        field === undefined
          ? notLive(key, Object.keys(fieldsOf(Reflect.get(settingsSchema.shape, block))), `${block}.`)
          : takesNull && member === null
            ? undefined
            : faultOf(field, member)
      return message === undefined ? [] : [{ pointer: `${pointer}/${escaped(key)}`, message }]
    })
  })
}

function faultOf(field: z.core.$ZodType, value: unknown): string | undefined {
  const [issue] = z.safeParse(field, value).error?.issues ?? []
  return issue === undefined ? undefined : sayIssue(issue, value)
}

function notLive(name: string, known: readonly string[], above: string): string {
  const found = describe(`${above}${name}`)
  if (known.includes(name)) return `expected a key that is live, found ${found}: change it in pop.yaml and start again`
  const meant = nearWord(name.slice(0, 64), known)
  return `expected a known key, found ${found}${meant === undefined ? '' : `: did you mean ${meant}?`}`
}

function fieldsOf(schema: z.core.$ZodType | undefined): Readonly<Record<string, z.core.$ZodType>> {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema
  return inner instanceof z.ZodObject ? inner.shape : {}
}

function isLive(field: z.core.$ZodType): boolean {
  return z.globalRegistry.get(field)?.['live'] === true
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function ownMember<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}

function escaped(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}
