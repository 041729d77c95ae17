import { readFileSync } from 'node:fs'

// The examples of docs/specs are taken from vectors/, whose own tests verify them: `npm run docs` fills the blocks that say where
// from, and tests/docs.test.ts finds one that was changed by hand.

const columns = 118
const block = /^```(json|text|http) (vectors\/[\w-]+\.json)#(\/[^\n]*)\n(.*?)^```$/gms

/** A message of the vectors: a request or an answer, whole or streamed. */
interface Message {
  readonly method?: string
  readonly target?: string
  readonly status?: number
  readonly headers: readonly string[]
  readonly body?: string
  readonly pieces?: readonly string[]
  readonly trailers?: readonly string[]
}

/** How many examples a page has that come from the vectors. */
export function countExamples(page: string): number {
  return [...page.matchAll(block)].length
}

/**
 * The page with each block that names a file and a JSON pointer (RFC 6901) filled from there: `json` as it is, `text` a text, `http`
 * a message. Lines that are too long go on behind a backslash (RFC 8792, section 7). Throws an Error for a place that is not there.
 */
export function fillExamples(page: string): string {
  return page.replace(block, (_block, kind: string, file: string, pointer: string) => {
    const value = find(file, pointer)
    const text =
      kind === 'json' ? JSON.stringify(value, null, 2) : kind === 'text' ? requireText(value) : written(value)
    return `\`\`\`${kind} ${file}#${pointer}\n${text.split('\n').map(folded).join('\n')}\n\`\`\``
  })
}

function find(file: string, pointer: string): unknown {
  let value: unknown = JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  }
  if (value === undefined) throw new Error(`${file} has nothing at ${pointer}.`)
  return value
}

function requireText(value: unknown): string {
  if (typeof value === 'string') return value.trimEnd()
  throw new Error('An example of the kind text is a text.')
}

/** As it goes over the wire, with LF for CRLF; a body that follows in pieces is one chunk each. */
function written(value: unknown): string {
  if (Array.isArray(value)) return fieldLines(value.map(String))
  // The vectors' tests hold their shape.
  const { method, target, status, headers, body, pieces, trailers = [] } = value as Message
  const start = status === undefined ? `${method} ${target} HTTP/1.1` : `HTTP/1.1 ${status}`
  const head = `${start}\n${fieldLines(headers)}`
  if (pieces === undefined) return body === undefined || body === '' ? head : `${head}\n\n${body}`
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\n${piece}\n`).join('')
  return `${head}\ntransfer-encoding: chunked\n\n${chunks}0\n${fieldLines(trailers)}`.trimEnd()
}

function fieldLines(flat: readonly string[]): string {
  const lines: string[] = []
  for (let index = 0; index + 1 < flat.length; index += 2) lines.push(`${flat[index]}: ${flat[index + 1]}`)
  return lines.join('\n')
}

function folded(line: string): string {
  const parts: string[] = []
  let rest = line
  while (rest.length > columns) {
    let end = columns - 1
    // A backslash of the text must not look like the one that folds.
    while (rest[end - 1] === '\\') end--
    parts.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...parts, rest].join('\\\n')
}
