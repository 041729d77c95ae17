import { isDeepStrictEqual } from 'node:util'

/** A value of Keycloak's representations; objects are compared member by member. */
export type Fields = Readonly<Record<string, unknown>>

/** One field that is not as wanted. `from` is undefined where there is nothing. */
export interface FieldChange {
  readonly field: string
  readonly from: unknown
  readonly to: unknown
}

/** Names of fields whose values nobody is shown. */
const hidden: ReadonlySet<string> = new Set(['secret', 'jwks.string'])
const shownInstead = '(hidden)'

/**
 * The fields of `wanted` that `found` has otherwise; what `wanted` does not name is not looked at. Lists of text are sets: Keycloak
 * gives them back in another order.
 */
export function differences(found: Fields, wanted: Fields, prefix = ''): readonly FieldChange[] {
  return Object.entries(wanted).flatMap(([name, to]) => {
    const from = Object.hasOwn(found, name) ? found[name] : undefined
    const field = `${prefix}${name}`
    if (isFields(to)) return differences(isFields(from) ? from : {}, to, `${field}.`)
    if (isDeepStrictEqual(inOrder(from), inOrder(to)) || (from === undefined && isEmptyList(to))) return []
    return [
      hidden.has(name)
        ? { field, from: from === undefined ? undefined : shownInstead, to: shownInstead }
        : { field, from, to },
    ]
  })
}

/** What to send so that every field of `wanted` is as wanted and every other one stays. */
export function merged(found: Fields, wanted: Fields): Fields {
  const changed = Object.entries(wanted).map(([name, to]) => {
    const from = found[name]
    return [name, isFields(to) ? merged(isFields(from) ? from : {}, to) : to] as const
  })
  return { ...found, ...Object.fromEntries(changed) }
}

function inOrder(value: unknown): unknown {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.toSorted() : value
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
