/** Field values by lower-case name, as a signature covers them (RFC 9421, section 2.1). */
export type FieldValues = ReadonlyMap<string, string>

/** What a signature can cover of an HTTP message. Whatever is absent cannot be covered. */
export interface SignedMessage {
  /** Of a request. */
  readonly method?: string
  /** The request target exactly as on the request line; origin-form. */
  readonly target?: string
  readonly scheme?: 'http' | 'https'
  /** The `Host` field as sent. */
  readonly authority?: string
  /** Of an answer. */
  readonly status?: number
  readonly fields: FieldValues
  /** Flat list of names and values as they arrived; only `;bs` needs it. */
  readonly rawFields?: readonly string[]
  readonly trailers?: FieldValues
  /** Of an answer: the request that it answers, for components with `;req`. */
  readonly request?: SignedMessage
}

const outerSpace = /^[ \t]+|[ \t]+$/g
const obsoleteFold = /[ \t]*\r?\n[ \t]+/g

/**
 * Combines a flat list of names and values as RFC 9421, section 2.1, says: names in lower case, values without white space
 * around them and with an obsolete fold as one space, values of one name joined by a comma and a space in their order.
 */
export function combineFields(flat: readonly string[]): FieldValues {
  const fields = new Map<string, string>()
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase()
    const value = unfold(flat[index + 1] ?? '')
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return fields
}

/** One field line's value, unfolded, and trimmed of spaces and tabs alone: a trim of Unicode's white space would hide bytes. */
export function unfold(value: string): string {
  return (value.includes('\n') ? value.replaceAll(obsoleteFold, ' ') : value).replaceAll(outerSpace, '')
}
