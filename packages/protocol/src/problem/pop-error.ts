import { problemCatalogue, type ProblemCode } from './catalogue.ts'

export interface PopErrorOptions extends ErrorOptions {
  /** Further members of the problem document; they reach the client. */
  readonly members?: Readonly<Record<string, unknown>>
  /** Header fields the answer carries beside the usual ones, e.g. `retry-after`. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The one way to leave the pipeline early. `code` is of the catalogue and decides the status; `detail` reaches the client, so it
 * says what was expected, what was found and what to do, and never an internal name, path or secret. Those go into `cause`.
 */
export class PopError extends Error {
  override readonly name = 'PopError'
  readonly code: ProblemCode
  readonly status: number
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail: string, options: PopErrorOptions = {}) {
    super(detail, options)
    this.code = code
    this.status = problemCatalogue[code].status
    this.members = options.members ?? {}
    this.headers = options.headers ?? {}
  }
}
