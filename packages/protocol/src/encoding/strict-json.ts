import { accepted, refused, type Verdict } from '../verdict.ts'

/** How deep objects and arrays may be nested before a text is refused. */
export const jsonDepthMax = 64

/**
 * Parses JSON that has one meaning (I-JSON, RFC 7493, and a little more): one value, no object with two members of one name
 * (RFC 8259 section 4 leaves open which of them counts), no member `__proto__`, no number beyond ±(2^53 − 1), which readers round
 * each in their way, no half of a surrogate pair, nesting of at most `depthMax`. Refuses with `body-malformed`. Untrusted input.
 */
export function parseStrictJson(text: string, depthMax: number = jsonDepthMax): Verdict<unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The message of the engine quotes the input and changes with its version; the verdict says what the contract needs.
    return refused('body-malformed', 'This is not one JSON value.')
  }
  const members = countMembers(value, depthMax)
  switch (members) {
    case tooDeep:
      return refused('body-malformed', `The JSON is nested deeper than ${depthMax} levels.`)
    case badMember:
      return refused('body-malformed', 'The JSON has a member named "__proto__".')
    case badNumber:
      return refused('body-malformed', 'The JSON has a number beyond ±9007199254740991: send such numbers as text.')
    case badText:
      return refused('body-malformed', 'The JSON has a text with half a surrogate pair: send bytes as base64.')
    default:
      // A name written twice leaves one member in the value and two colons in the text: no set of names is needed to see it.
      return members === countColons(text)
        ? accepted(value)
        : refused('body-malformed', 'The JSON has an object with two members of one name.')
  }
}

const tooDeep = -1
const badMember = -2
const badNumber = -3
const badText = -4

/** Members of all objects in a parsed value, or one of the negative marks. */
function countMembers(value: unknown, depthLeft: number): number {
  // RFC 7493 section 2.2. Above 2^53 a double no longer tells neighbours apart, and `1e999` is none at all.
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? 0 : badNumber
  // RFC 7493 section 2.1.
  if (typeof value === 'string') return value.isWellFormed() ? 0 : badText
  if (typeof value !== 'object' || value === null) return 0
  if (depthLeft === 0) return tooDeep
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      const inner = countMembers(item, depthLeft - 1)
      if (inner < 0) return inner
      count += inner
    }
    return count
  }
  for (const [name, item] of Object.entries(value)) {
    if (name === '__proto__') return badMember
    if (!name.isWellFormed()) return badText
    const inner = countMembers(item, depthLeft - 1)
    if (inner < 0) return inner
    count += inner + 1
  }
  return count
}

/** Colons outside strings in a text that is known to be valid JSON: one for each member as written. */
function countColons(text: string): number {
  let count = 0
  let index = 0
  while (index < text.length) {
    const code = text.charCodeAt(index)
    if (code === 0x22) index = endOfString(text, index)
    else if (code === 0x3a) count++
    index++
  }
  return count
}

/** Index of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1
  for (; text.charCodeAt(index) !== 0x22; index++) if (text.charCodeAt(index) === 0x5c) index++
  return index
}
