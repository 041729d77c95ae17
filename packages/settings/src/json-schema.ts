import { z } from 'zod'
import { settingsSchema } from './schema.ts'

/** A part of the JSON Schema of the settings: the members that are read here. */
export interface SettingsPart {
  readonly default?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, SettingsPart>>
}

/**
 * The JSON Schema (2020-12) of `pop.yaml` as it is written, made from the schema that reads it: for editors, and for tools that look
 * at a file before `pop` does. It knows the shape; what two keys mean together only `pop config check` knows.
 */
export function settingsJsonSchema(): SettingsPart & Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(settingsSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // What zod says of every whole number is no bound that we set, and an editor would show it as one.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema['live'] === true)
        jsonSchema.description = `${jsonSchema.description} Live: may change while running.`
      // A word of ours: a strict validator refuses a schema with words that it does not know.
      delete jsonSchema['live']
    },
  })
  // zod types a default as any JSON value; the members of SettingsPart are those of every JSON Schema.
  return { $schema, title: 'POP API settings (pop.yaml)', ...schema } as SettingsPart & Record<string, unknown>
}
