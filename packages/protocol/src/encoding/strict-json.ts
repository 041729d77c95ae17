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

/**
 * Colons outside strings in a text that is known to be valid JSON: one for each member as written. Outside strings a colon stands
 * behind the name of a member and nowhere else, so that only the ends of strings are looked at.
 */
function countColons(text: string): number {
  let count = 0
  for (let start = text.indexOf('"'); start >= 0;) {
    let next = endOfString(text, start) + 1
    while (isSpace(text.charCodeAt(next))) next++
    if (text.charCodeAt(next) === 0x3a) count++
    start = text.indexOf('"', next)
  }
  return count
}

/** The white space of JSON (RFC 8259, section 2). */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** Index of the quote that ends the string that begins at `start`: the first one behind an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text.charCodeAt(first - 1) === 0x5c) first--
    if ((end - first) % 2 === 0) return end
  }
}
