import type { Readable } from 'node:stream'
import type { Output } from './output.ts'

/** What a command has around it: its streams and its environment. */
export interface Surroundings {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** What was asked for. */
  readonly out: Output
  /** Everything else: failures, warnings, prompts. */
  readonly err: Output
  readonly environment: Readonly<NodeJS.ProcessEnv>
}
