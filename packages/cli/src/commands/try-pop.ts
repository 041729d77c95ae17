import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { run } from '../main.ts'

/** What a `pop` of a test has around it. Nothing of the machine it runs on is in it. */
export interface Around {
  /** A folder for everything; removed at the end. */
  readonly folder: string
  readonly environment: Readonly<NodeJS.ProcessEnv>
  readonly pop: (words: readonly string[], options?: TryOptions) => Promise<Tried>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface TryOptions {
  readonly stdin?: string
  /** Standard output is a terminal of this width. */
  readonly columns?: number
  readonly environment?: Readonly<NodeJS.ProcessEnv>
}

export interface Tried {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** For tests: a home and a place for tokens of their own, and `pop` in this process with streams that are read. */
export async function aroundPop(): Promise<Around> {
  const folder = await mkdtemp(join(tmpdir(), 'pop-cli-'))
  const environment = { XDG_CONFIG_HOME: join(folder, 'config'), POP_HOME: join(folder, 'home'), HOME: folder }
  return {
    folder,
    environment,
    pop: async (words, { stdin = '', columns, environment: more = {} } = {}) => {
      const stdout = collect(columns)
      const stderr = collect(undefined)
      const code = await run(words, {
        stdin: Readable.from([Buffer.from(stdin)]),
        stdout: stdout.stream,
        stderr: stderr.stream,
        environment: { ...environment, ...more },
      })
      return { code, stdout: stdout.text(), stderr: stderr.text() }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

function collect(columns: number | undefined) {
  const chunks: Buffer[] = []
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk)
      done()
    },
  })
  const stream = Object.assign(sink, columns === undefined ? {} : { isTTY: true, columns })
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') }
}
