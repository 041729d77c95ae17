import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** One shell session: what a command sets, the next one has. */
export interface Shell {
  /** Runs one command with the output where ours goes; gives its exit code. Throws an Error when the shell has ended. */
  readonly run: (command: string) => Promise<number>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface ShellOptions {
  /** Where the commands run. */
  readonly cwd: string
  /** A folder of ours for the command that runs now. */
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
}

/** Opens a session. Its commands have nothing to read: what they were to read would be the next command. */
export function openShell({ cwd, folder, environment }: ShellOptions): Shell {
  const child = spawn('bash', ['--noprofile', '--norc', '-u'], {
    cwd,
    env: environment,
    stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
  })
  const { input, codes } = pipesOf(child)
  const ended = once(child, 'exit')
  const lines = createInterface({ input: codes })[Symbol.asyncIterator]()
  // Whoever waits for the code of a command learns of a shell that has ended by the end of these lines.
  input.on('error', () => undefined)
  return {
    run: async (command) => {
      const file = join(folder, 'command.sh')
      await writeFile(file, `${command}\n`)
      input.write(`. '${file}' </dev/null; echo $? >&3\n`)
      const { value, done } = await lines.next()
      if (done === true) throw new Error('The shell of the demo has ended.')
      return Number(value)
    },
    [Symbol.asyncDispose]: async () => {
      input.end()
      if (child.exitCode === null && child.signalCode === null) child.kill()
      await ended
    },
  }
}

function pipesOf({ stdin, stdio }: ChildProcess): { readonly input: Writable; readonly codes: Readable } {
  const codes = stdio[3]
  if (stdin === null || codes === null || codes === undefined) throw new Error('The shell has no pipes.')
  // The fourth pipe of a child is a socket, which reads as well as it writes.
  return { input: stdin, codes: codes as Readable }
}
