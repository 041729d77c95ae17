import type { CommandFailure } from '../command-failure.ts'
import { writeJson } from './json-line.ts'
import type { Output } from './output.ts'
import { problemLines } from './problem-lines.ts'
import { printableLines } from './safe-text.ts'

/** Tells of a failure on standard error: readable lines, or one JSON document `{ message, exit_code, problem? }`. */
export async function tellFailure(
  { message, exitCode, problem }: Pick<CommandFailure, 'message' | 'exitCode' | 'problem'>,
  err: Output,
  asJson: boolean,
): Promise<void> {
  if (asJson) {
    await writeJson({ message, exit_code: exitCode, ...(problem === undefined ? {} : { problem }) }, err)
    return
  }
  const below = problem === undefined ? [] : problemLines(problem).map((line) => `     ${line}`)
  await err.writeLine([`${err.paint('red', 'pop:')} ${printableLines(message)}`, ...below].join('\n'))
}
