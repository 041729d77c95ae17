/** An object as `parseStrictJson` gives it, whose members are not looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for an object that is neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for a string of 1 to `charactersMax` characters without C0 controls or DEL, which would break a line of a log. */
export function isPlainText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= charactersMax && !control.test(value)
}

const control = /[\u0000-\u001f\u007f]/

/** True for an array of at most `itemsMax` strings as `isPlainText` takes them. */
export function isTextList(value: unknown, itemsMax: number, charactersMax: number): value is readonly string[] {
  return Array.isArray(value) && value.length <= itemsMax && value.every((item) => isPlainText(item, charactersMax))
}

/** True for an integer that every JSON reader reads alike and that is not negative: `1e999`, `1.5` and `-1` are none. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 // isSafeInteger is false for all that is not a number
}
