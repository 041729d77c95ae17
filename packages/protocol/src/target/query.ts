import { accepted, refused, type Verdict } from '../verdict.ts'
import { decodePercent, encodePercent, hasControl, queryCharacter } from './bytes.ts'

export interface QueryPair {
  readonly name: string
  readonly value: string
}

export interface Query {
  readonly text: string
  readonly pairs: readonly QueryPair[]
  readonly repeated: readonly string[]
}

const pairsMax = 128

/**
 * Reads a query without its `?`: split at `&` and the first `=`, decoded once, `+` is a space. A pair without `=` has the empty
 * value. Refuses with `ambiguous-target`. Untrusted input.
 */
export function parseQuery(raw: string): Verdict<Query> {
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (code !== 0x25 && queryCharacter[code] !== 1) {
      return refused('ambiguous-target', `The query has a character (code ${code}) that must be percent-encoded.`)
    }
  }
  const pairs: QueryPair[] = []
  for (const part of raw.split('&')) {
    const pair = parsePair(part)
    if (!pair.ok) return pair
    pairs.push(pair.value)
  }
  if (pairs.length > pairsMax) return refused('ambiguous-target', `The query has more than ${pairsMax} parameters.`)
  return accepted({
    text: pairs.map((pair) => `${encodePercent(pair.name)}=${encodePercent(pair.value)}`).join('&'),
    pairs,
    repeated: repeatedNames(pairs),
  })
}

function parsePair(part: string): Verdict<QueryPair> {
  const equals = part.indexOf('=')
  const name = decodePercent((equals < 0 ? part : part.slice(0, equals)).replaceAll('+', ' '))
  const value = equals < 0 ? '' : decodePercent(part.slice(equals + 1).replaceAll('+', ' '))
  if (name === undefined || value === undefined) {
    return refused('ambiguous-target', 'The query has an escape that is not "%" and two hex digits of UTF-8.')
  }
  if (name === '') return refused('ambiguous-target', 'The query has a parameter without a name.')
  if (hasControl(name) || hasControl(value)) {
    return refused('ambiguous-target', 'The query has an encoded control character.')
  }
  return accepted({ name, value })
}

function repeatedNames(pairs: readonly QueryPair[]): readonly string[] {
  if (pairs.length < 2) return []
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name } of pairs) (seen.has(name) ? repeated : seen).add(name)
  return [...repeated]
}
