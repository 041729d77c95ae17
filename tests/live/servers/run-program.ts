import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { LiveError } from '../tell.ts'

/** Runs a program to its end. Throws a LiveError with the last of what it said where it fails or is not there. */
export async function runProgram(
  program: string,
  words: readonly string[],
  options: { readonly cwd?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) =>
      reject(new LiveError(`${program} cannot be run (${error.message}).`, { cause: error })),
    )
  })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const [output, errors] = await Promise.race([ended, failed])
  if (child.exitCode === 0) return output
  const said = `${output}\n${errors}`.trim().split('\n').slice(-12).join('\n')
  throw new LiveError(`${program} ${words.join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${said}`)
}
