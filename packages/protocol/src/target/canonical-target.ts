import { accepted, refused, type Verdict } from '../verdict.ts'
import { decodePercent, encodePercent, hasControl, pathCharacter, unreserved } from './bytes.ts'
import { parseQuery, type QueryPair } from './query.ts'

/** Of the canonical form too: it stands in a transaction token, which has at most twice this with all its other claims. */
const targetCharactersMax = 4096
export const segmentsMax = 64

/**
 * A request target with one meaning. `text` is its only spelling and is what route, policy, signature, log and module read;
 * `segments` and `query` are decoded once and never again.
 */
export interface CanonicalTarget {
  readonly text: string
  readonly segments: readonly string[]
  readonly query: readonly QueryPair[]
  /** A name that occurs more than once; only an operation that declares an array there may accept it. */
  readonly repeated: readonly string[]
}

const noQuery: readonly QueryPair[] = []
const nothingRepeated: readonly string[] = []

/**
 * Reads the raw target of a request line (latin1, as Node gives it). Refuses with `ambiguous-target` whatever two readers
 * could take for different resources, with `target-too-long` above 4096 characters in either spelling. Untrusted input.
 */
export function parseTarget(raw: string): Verdict<CanonicalTarget> {
  if (raw.length > targetCharactersMax) return tooLong(raw.length)
  if (raw.charCodeAt(0) !== 0x2f) {
    return refused(
      'ambiguous-target',
      'The target must be a path that begins with "/": absolute and asterisk forms are not served.',
    )
  }
  if (isPlain(raw))
    return accepted({ text: raw, segments: raw.slice(1).split('/'), query: noQuery, repeated: nothingRepeated })
  return parseEveryCharacter(raw)
}

/** The common case in one loop: unreserved characters and single slashes, no segment that begins with a dot, no query. */
function isPlain(raw: string): boolean {
  let afterSlash = false
  let slashes = 0
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (code === 0x2f) {
      if (afterSlash) return false
      afterSlash = true
      slashes++
    } else {
      if (unreserved[code] !== 1 || (afterSlash && code === 0x2e)) return false
      afterSlash = false
    }
  }
  return !afterSlash && slashes <= segmentsMax
}

function parseEveryCharacter(raw: string): Verdict<CanonicalTarget> {
  const mark = raw.indexOf('?')
  const path = parsePath(mark < 0 ? raw : raw.slice(0, mark))
  if (!path.ok) return path
  const text = path.value.length === 0 ? '/' : `/${path.value.map(encodePercent).join('/')}`
  const rawQuery = mark < 0 ? '' : raw.slice(mark + 1)
  if (text.length > targetCharactersMax) return tooLong(text.length)
  if (rawQuery === '') return accepted({ text, segments: path.value, query: noQuery, repeated: nothingRepeated })
  const query = parseQuery(rawQuery)
  if (!query.ok) return query
  const whole = `${text}?${query.value.text}`
  if (whole.length > targetCharactersMax) return tooLong(whole.length)
  return accepted({
    text: whole,
    segments: path.value,
    query: query.value.pairs,
    repeated: query.value.repeated,
  })
}

function tooLong(characters: number): Verdict<never> {
  return refused('target-too-long', `The target has ${characters} characters; ${targetCharactersMax} are accepted.`)
}

function parsePath(path: string): Verdict<readonly string[]> {
  if (path === '/') return accepted([])
  const segments: string[] = []
  for (const raw of path.slice(1).split('/')) {
    const segment = parseSegment(raw)
    if (!segment.ok) return segment
    segments.push(segment.value)
  }
  if (segments.length > segmentsMax)
    return refused('ambiguous-target', `The path has more than ${segmentsMax} segments.`)
  return accepted(segments)
}

function parseSegment(raw: string): Verdict<string> {
  if (raw === '') return refused('ambiguous-target', 'The path has an empty segment ("//" or a "/" at its end).')
  if (raw === '.' || raw === '..')
    return refused('ambiguous-target', 'The path has a dot segment; send the path it leads to.')
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (code !== 0x25 && pathCharacter[code] !== 1) {
      return refused(
        'ambiguous-target',
        `The path has a character (code ${code}) that must be percent-encoded, or may not be there.`,
      )
    }
  }
  if (!raw.includes('%')) return accepted(raw)
  if (/%(2e|2f|5c|00)/i.test(raw)) {
    return refused(
      'ambiguous-target',
      'The path has an encoded dot, slash, backslash or NUL, which others decode at another moment.',
    )
  }
  const decoded = decodePercent(raw)
  if (decoded === undefined)
    return refused('ambiguous-target', 'The path has an escape that is not "%" and two hex digits of UTF-8.')
  if (hasControl(decoded)) return refused('ambiguous-target', 'The path has an encoded control character.')
  return accepted(decoded)
}
