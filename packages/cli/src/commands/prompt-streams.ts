import { Transform, Writable } from 'node:stream'
import type { Surroundings } from '../print/surroundings.ts'

/** The streams of one question, as the prompts can take them. */
export interface PromptStreams extends Disposable {
  readonly input: Transform
  readonly output: Writable
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const endOfInput = 0x04
const interrupt = 0x03
/** What a prompt takes for what was typed. */
const words: ReadonlyMap<number, number> = new Map([
  [lineFeed, carriageReturn],
  [endOfInput, interrupt],
])

/**
 * Makes them. The prompts know Enter as CR and leaving as Ctrl-C only: a terminal may send LF, a person may leave with Ctrl-D, and a
 * terminal that is closed ends the input; each is told to the prompt in its own words. Disposing gives the input back.
 */
export function openPromptStreams({ stdin, err }: Pick<Surroundings, 'stdin' | 'err'>): PromptStreams {
  let before = 0
  const input = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const bytes: number[] = []
      for (const byte of chunk) {
        // CR LF is one Enter.
        if (byte !== lineFeed || before !== carriageReturn) bytes.push(words.get(byte) ?? byte)
        before = byte
      }
      done(null, Buffer.from(bytes))
    },
    flush: (done) => done(null, Buffer.of(interrupt)),
  })
  const setRawMode = (isRaw: boolean): void => {
    if ('setRawMode' in stdin && typeof stdin.setRawMode === 'function') stdin.setRawMode(isRaw)
  }
  const output = new Writable({ write: (chunk, _encoding, done) => void err.stream.write(chunk, done) })
  stdin.pipe(input)
  return {
    input: Object.assign(input, { isTTY: true, setRawMode }),
    output: Object.assign(output, { columns: err.columns ?? 80 }),
    [Symbol.dispose]: () => {
      stdin.unpipe(input)
      // What is read by nobody must not keep the process alive.
      stdin.pause()
      input.destroy()
    },
  }
}
