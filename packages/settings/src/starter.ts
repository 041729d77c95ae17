import { defaultGrants } from '@pop-api/policy'
import { parse, stringify } from 'yaml'
import { developmentSettings } from './development.ts'
import { settingsJsonSchema, type SettingsPart } from './json-schema.ts'
import { keysWithoutEffect } from './schema.ts'

/** The environments that a new `pop.yaml` can be for. */
export const starterEnvironments = ['development', 'production'] as const
export type StarterEnvironment = (typeof starterEnvironments)[number]

type Values = Readonly<Record<string, unknown>>

const head = `# Settings of POP API, made by \`pop init\`. What is commented out shows the default that is in force without it.
# \`pop config check\` finds every fault; \`pop config schema\` makes a JSON Schema for your editor.
`

/** What a file for production must say of its identity provider. */
const ofProduction = {
  identity: { provider: 'keycloak', issuer: 'https://keycloak.example/realms/pop', password_grant: false },
}

/**
 * A commented `pop.yaml` with every key of the schema: written out what has no default or is the choice of an operator, commented
 * out the rest with its default. Made from the schema, so that it has what the schema has.
 */
export function starterSettings(environment: StarterEnvironment): string {
  // Our own constant, which loads: it is a map.
  const { data_security: _asserted, ...written } = parse(developmentSettings) as Values
  const values: Values = { ...written, environment, ...(environment === 'production' ? ofProduction : {}) }
  const blocks = Object.entries(settingsJsonSchema().properties ?? {}).map(([name, part]) =>
    // Only `grants` has a default that depends on the rest of the file: that of these roles is shown.
    keyLines([name], name === 'grants' ? { ...part, default: defaultGrants } : part, memberOf(values, name)).join('\n'),
  )
  return `${[head, ...blocks].join('\n').trimEnd()}\n`
}

/** The lines of a key and what is below it, as comments where nothing is to be written out; a block ends with an empty line. */
function keyLines(path: readonly string[], part: SettingsPart, value: unknown): readonly string[] {
  const name = path.at(-1) ?? ''
  const isTop = path.length === 1
  const comment = commentOf(path, part)
  if (part.properties === undefined) {
    const found = value ?? part.default
    const lines =
      found === undefined
        ? [`${name}: …`]
        : stringify({ [name]: found }, { lineWidth: 0 })
            .trimEnd()
            .split('\n')
    return [...comment, ...(value === undefined ? lines.map(commented) : lines), ...(isTop ? [''] : [])]
  }
  const below = Object.entries(part.properties).flatMap(([key, member]) =>
    keyLines([...path, key], member, memberOf(value, key)).map((line) => (value === undefined ? line : `  ${line}`)),
  )
  if (value !== undefined) return [...comment, `${name}:`, ...below, '']
  // Below a block that is commented out everything is: one comment sign takes all of it in when it is removed.
  const inside = below.map((line) => `#   ${line.replace(/^# (?=[a-z0-9_]+:|- )/i, '')}`.trimEnd())
  return [...comment, `# ${name}:`, ...inside, '']
}

function commentOf(path: readonly string[], { description }: SettingsPart): readonly string[] {
  const isIdle = keysWithoutEffect.some((key) => key === path.join('.'))
  const text = [description, ...(isIdle ? ['No effect yet.'] : [])].filter((part) => part !== undefined).join(' ')
  return text === '' ? [] : [`# ${text}`]
}

function commented(line: string): string {
  return `# ${line}`
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  const member: unknown = Reflect.get(value, name)
  return member
}
