/** What the exit code of `pop` says. */
export const exitCodes = {
  done: 0,
  /** The gateway or a module refused, or an answer was an error. */
  refused: 1,
  /** The words, the configuration or the machine are not as they must be: nothing was tried. */
  usage: 2,
  /** Nobody answered. */
  unreachable: 3,
} as const

/** An end of a command that is told in one line: what was expected, what was found, what to do next. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: number

  constructor(exitCode: (typeof exitCodes)[keyof typeof exitCodes], message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
