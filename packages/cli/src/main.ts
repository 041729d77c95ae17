import { Command, CommanderError } from 'commander'
import { CommandFailure, exitCodes } from './command-failure.ts'

/** Runs `pop` with the words behind its name and gives the exit code. Nothing is thrown: what went wrong stands on standard error. */
export async function run(words: readonly string[]): Promise<number> {
  const program = new Command('pop').description('POP API: a zero-trust front door for service modules').exitOverride()
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCodes.done
  } catch (failure) {
    if (failure instanceof CommanderError) return failure.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (!(failure instanceof CommandFailure)) throw failure
    process.stderr.write(`pop: ${failure.message}\n`)
    return failure.exitCode
  }
}
