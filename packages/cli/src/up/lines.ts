import type { Readable } from 'node:stream'

const charactersMax = 64 * 1024

/** Gives every line of a stream to `take`, without its end; a line above 64 Ki characters comes in pieces. */
export function eachLine(stream: Readable, take: (line: string) => void): void {
  let held = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (held + chunk).split('\n')
    held = lines.pop() ?? ''
    for (const line of lines) take(line)
    for (; held.length > charactersMax; held = held.slice(charactersMax)) take(held.slice(0, charactersMax))
  })
  stream.on('end', () => {
    if (held !== '') take(held)
  })
}
