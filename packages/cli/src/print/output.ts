import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { errorCode } from '../up/own-file.ts'
import { usageFailure } from '../command-failure.ts'

/** What `openOutput` needs of `process.stdout` or of a stream that stands in for it. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** One of the two ways out of a command. */
export interface Output {
  readonly isTerminal: boolean
  /** For prompts, which draw by themselves. */
  readonly stream: Writable
  /** Width of the terminal, 80 where it does not know; undefined where there is none, so that nothing is cut. */
  readonly columns: number | undefined
  /**
   * Resolves once the stream has taken it. A reader that went away (`| head`) is no error: what comes after is dropped, and `closed`
   * says so. Rejects with a CommandFailure (usage) for any other failure, such as a full disk.
   */
  readonly write: (content: string | Uint8Array) => Promise<void>
  readonly writeLine: (line: string) => Promise<void>
  /** Aborts when the reader is gone. */
  readonly closed: AbortSignal
  /** The text in a style where colour is wanted, else as it is. */
  readonly paint: (style: Style, text: string) => string
  readonly [Symbol.dispose]: () => void
}

const columnsUnlessTold = 80

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Wraps a stream. Colour is used on a terminal only, and not where NO_COLOR has a value (no-color.org) or TERM is `dumb`. */
export function openOutput(stream: OutputStream, environment: Readonly<NodeJS.ProcessEnv>): Output {
  const isTerminal = stream.isTTY === true
  const hasColour = isTerminal && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
  const closing = new AbortController()
  const onError = (error: unknown): void => {
    // Every failure also reaches the callback of the write that met it; only the closed reader is remembered here.
    if (isClosedPipe(error)) closing.abort()
  }
  stream.on('error', onError)
  const write = (content: string | Uint8Array): Promise<void> => {
    if (closing.signal.aborted || content.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      stream.write(content, (error?: Error | null) => {
        if (!error) resolve()
        else if (isClosedPipe(error)) {
          closing.abort()
          resolve()
        } else reject(usageFailure(`the output cannot be written (${errorCode(error)})`, error))
      })
    })
  }
  return {
    isTerminal,
    stream,
    // A terminal that does not know its width says 0.
    columns: isTerminal ? stream.columns || columnsUnlessTold : undefined,
    write,
    writeLine: (line) => write(`${line}\n`),
    closed: closing.signal,
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    [Symbol.dispose]: () => void stream.off('error', onError),
  }
}

function isClosedPipe(error: unknown): boolean {
  return ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(errorCode(error))
}
