/** Longest text of a pattern. */
const patternCharactersMax = 1024

/** Steps that a pattern may cost on one text: some milliseconds of an engine that backtracks. */
const stepsMax = 2 ** 22

/**
 * What matching a part of a pattern costs at one place of a text, at the worst: in how many ways it can match there, how many
 * steps it takes to try them all, and how many characters a match has at least.
 */
interface Cost {
  readonly ways: number
  readonly steps: number
  readonly least: number
}

/** A part that matches in one way: a character, a class, an assertion. */
function single(least: number): Cost {
  return { ways: 1, steps: 1, least }
}

/**
 * Says what is wrong with a `pattern` of a schema, or undefined if it is safe to run on texts of strangers of at most
 * `charactersMax` characters; Infinity for texts without a limit. Engines that backtrack can need exponential time for a dozen
 * characters, so the steps are counted from the pattern alone, too high rather than too low: repetitions multiply, alternatives
 * add up, and a pattern that does not begin with `^` is tried at every place. Backreferences and lookaround cannot be counted and
 * are refused. Untrusted input.
 */
export function patternFault(pattern: string, charactersMax: number): string | undefined {
  if (pattern.length > patternCharactersMax) return `has more than ${patternCharactersMax} characters`
  try {
    // The flag that the validator compiles with: it leaves no syntax that has two readings.
    void new RegExp(pattern, 'u')
  } catch {
    return 'is not a regular expression of ECMAScript with the flag u'
  }
  const cost = costOf(pattern, charactersMax)
  if (typeof cost === 'string') return cost
  if (cost <= stepsMax) return undefined
  if (charactersMax === Infinity && costIsOrdinary(pattern))
    return 'needs a maxLength beside it: what a match can cost grows with the text'
  return (
    `can take more than ${stepsMax} steps on one text: do not repeat what has a repetition or alternatives inside, ` +
    'begin with ^, or set a smaller maxLength'
  )
}

/** True if a limit on the text is all that a pattern lacks. */
function costIsOrdinary(pattern: string): boolean {
  const cost = costOf(pattern, 64)
  return typeof cost === 'number' && cost <= stepsMax
}

/** The steps of a whole pattern, or what cannot be counted in it. */
function costOf(pattern: string, charactersMax: number): number | string {
  const reader: Reader = { pattern, at: 0, charactersMax, depth: 0, anchored: true, fault: undefined }
  const { steps } = readAlternatives(reader)
  // The engine has taken the pattern, so this reader must have come to its end as well; otherwise its count means nothing.
  if (reader.at !== pattern.length) return 'has a syntax that is not known here'
  return reader.fault ?? (reader.anchored ? steps : steps * (charactersMax + 1))
}

interface Reader {
  readonly pattern: string
  readonly charactersMax: number
  at: number
  /** Groups that are open. */
  depth: number
  /** Whether every alternative of the whole pattern so far begins with `^`. */
  anchored: boolean
  fault: string | undefined
}

/** `a|b|c`, to the end of the pattern or of the group: one is tried after the other. */
function readAlternatives(reader: Reader): Cost {
  let sum = readSequence(reader)
  while (reader.pattern[reader.at] === '|') {
    reader.at++
    const { ways, steps, least } = readSequence(reader)
    sum = { ways: sum.ways + ways, steps: sum.steps + steps, least: Math.min(sum.least, least) }
  }
  return sum
}

/** What stands side by side: each way of a part is followed by all steps of the rest. */
function readSequence(reader: Reader): Cost {
  const { pattern } = reader
  if (reader.depth === 0 && pattern[reader.at] !== '^') reader.anchored = false
  let sum = single(0)
  while (reader.at < pattern.length && pattern[reader.at] !== '|' && pattern[reader.at] !== ')') {
    const { ways, steps, least } = readQuantifier(reader, readAtom(reader))
    sum = { ways: sum.ways * ways, steps: sum.steps + sum.ways * steps, least: sum.least + least }
  }
  return sum
}

function readAtom(reader: Reader): Cost {
  const { pattern } = reader
  const character = pattern[reader.at++]
  if (character === '(') return readGroup(reader)
  if (character === '^' || character === '$') return single(0)
  if (character === '[') {
    while (pattern[reader.at] !== ']') reader.at += pattern[reader.at] === '\\' ? 2 : 1
    reader.at++
    return single(1)
  }
  if (character === '\\') return readEscape(reader)
  // With the flag u, a pair of surrogates is one character, for a quantifier and for maxLength.
  if ((pattern.codePointAt(reader.at - 1) ?? 0) > 0xffff) reader.at++
  return single(1)
}

function readGroup(reader: Reader): Cost {
  const opening = /^\?(?:[:!=]|<[!=]|<[^>]*>|[^:]*:)/.exec(reader.pattern.slice(reader.at))?.[0] ?? ''
  if (/^\?<?[!=]/.test(opening)) reader.fault ??= `looks around with (${opening}, which has no bound here`
  else if (opening !== '' && opening !== '?:' && !opening.startsWith('?<'))
    reader.fault ??= `has the group (${opening}, which is not known here`
  reader.at += opening.length
  reader.depth++
  const cost = readAlternatives(reader)
  reader.depth--
  reader.at++
  return cost
}

function readEscape(reader: Reader): Cost {
  const rest = reader.pattern.slice(reader.at)
  if (/^(?:[1-9]|k<)/.test(rest)) reader.fault ??= 'has a backreference, which has no bound here'
  const escape =
    /^(?:[pPu]\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[^])/u.exec(
      rest,
    )?.[0] ?? ''
  reader.at += escape.length
  return single(/^[bB]$/.test(escape) ? 0 : 1)
}

/** Reads `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}` if one follows, and gives the cost of the part so repeated. */
function readQuantifier(reader: Reader, part: Cost): Cost {
  const [text = '', sign, from = '', comma, to] =
    /^(?:([*+?])|\{(\d+)(,)?(\d+)?\})\??/.exec(reader.pattern.slice(reader.at)) ?? []
  if (text === '') return part
  reader.at += text.length
  const least = sign === undefined ? Number(from) : sign === '+' ? 1 : 0
  const most = sign === '?' ? 1 : sign !== undefined ? Infinity : Number(to ?? (comma === undefined ? from : Infinity))
  return repeat(part, least, most, reader.charactersMax)
}

function repeat(part: Cost, from: number, to: number, charactersMax: number): Cost {
  // More often than the text has room for it cannot match; what matches nothing is tried once more.
  const room = part.least === 0 ? charactersMax + 1 : Math.floor(charactersMax / part.least)
  const most = Math.max(from, Math.min(to, room))
  const least = part.least * from
  if (part.ways === 1) return { ways: most - from + 1, steps: (most + 1) * part.steps, least }
  return { ways: sumOfPowers(part.ways, most + 1), steps: sumOfPowers(part.ways, most) * part.steps, least }
}

/** 1 + base + base² + …, `terms` of them. */
function sumOfPowers(base: number, terms: number): number {
  const last = base ** terms
  return last === Infinity ? Infinity : (last - 1) / (base - 1)
}
