import { z } from 'zod'
import { settingsSchema } from './schema.ts'

/** One key of `pop.yaml` as the reference page shows it. */
export interface SettingsKey {
  /** With the blocks above it: `limits.caller_rate`. A name that the writer chooses is `*`. */
  readonly key: string
  readonly type: string
  /** As JSON; undefined where the key must be there, or has no default. */
  readonly byDefault: string | undefined
  readonly description: string
  /** May be changed while everything runs, by `PATCH /v1/pop/settings`. */
  readonly isLive: boolean
}

interface Described {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly unknown[]
  readonly default?: unknown
  readonly description?: string
  readonly live?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Described>>
  readonly additionalProperties?: Described | false
}

/** Every key of the schema, in its order. */
export function settingsReference(): readonly SettingsKey[] {
  // zod's own JSON schema; the members read here are those of the kinds of schema that ours uses.
  return keysOf(z.toJSONSchema(settingsSchema, { io: 'input' }) as Described, '')
}

function keysOf(schema: Described, prefix: string): SettingsKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const key = `${prefix}${name}`
    if (member.properties !== undefined) return keysOf(member, `${key}.`)
    const each = member.additionalProperties
    if (typeof each === 'object' && each.properties !== undefined) return keysOf(each, `${key}.*.`)
    const { description = '', live: isLive = false } = member
    return [{ key, type: typeOf(member), byDefault: defaultOf(member), description, isLive }]
  })
}

function defaultOf({ default: value }: Described): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function typeOf({ type, enum: words, anyOf, minimum, maximum, additionalProperties }: Described): string {
  if (words !== undefined) return words.map((text) => `\`${text}\``).join(' or ')
  if (anyOf !== undefined) return 'reference'
  if (typeof additionalProperties === 'object') return `map to ${typeOf(additionalProperties)}`
  if (type === 'array') return 'list'
  if (type !== 'integer') return type === 'string' ? 'text' : (type ?? 'value')
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  return bounded ? `${minimum}–${maximum}` : `from ${minimum}`
}
