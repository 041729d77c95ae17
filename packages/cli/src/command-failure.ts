import type { JsonObject } from '@pop-api/protocol'

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

export type FailureCode = (typeof exitCodes)['refused' | 'usage' | 'unreachable']

export interface CommandFailureOptions extends ErrorOptions {
  /** The problem document that a gateway or a module answered with. Untrusted; told below the message. */
  readonly problem?: JsonObject
}

/** An end of a command that is told in one line: what was expected, what was found, what to do next. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: FailureCode
  readonly problem: JsonObject | undefined

  constructor(exitCode: FailureCode, message: string, options: CommandFailureOptions = {}) {
    super(message, options)
    this.exitCode = exitCode
    this.problem = options.problem
  }
}

/** What was asked for is not possible here: nothing was tried. */
export function usageFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(exitCodes.usage, message, { cause })
}
