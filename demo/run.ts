import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import { DemoStopped, eachKey, everySeconds, type Pace } from './pace.ts'
import { openShell } from './shell.ts'
import { startSystem } from './system.ts'
import { readTour, splitCommands } from './tour.ts'

const help = `npm run demo [-- OPTIONS]

Plays the tour of the README against a system of its own, which it starts on free ports, in a home that is removed at the end.
Each command is shown before it runs; a key goes on, q ends it.

  --pace SECONDS  goes on by itself after so many seconds
  --fast          does not wait
  --help          this

Exit codes: 0 all of it was shown, 1 a command failed, 2 the options are wrong, 130 it was ended before.
`

const root = fileURLToPath(new URL('../', import.meta.url))

process.exitCode = await main(process.argv.slice(2))

async function main(words: readonly string[]): Promise<number> {
  const pace = paceOf(words)
  if (typeof pace === 'string') {
    process.stderr.write(`${pace}\n`)
    return 2
  }
  if (pace === undefined) {
    process.stdout.write(help)
    return 0
  }
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => stop.abort(new DemoStopped(name)))
  // Nobody reads any more (`npm run demo | head`): what was started is to be stopped all the same.
  process.stdout.on('error', (cause) => stop.abort(new DemoStopped('The output was closed.', { cause })))
  process.stderr.on('error', (cause) => stop.abort(new DemoStopped('The output was closed.', { cause })))
  try {
    await play(pace, stop.signal)
  } catch (failure) {
    const isEnded = stop.signal.aborted || failure instanceof DemoStopped
    const message = failure instanceof Error ? failure.message : String(failure)
    process.stderr.write(isEnded ? '\nEnded. The system was stopped and its home removed.\n' : `\ndemo: ${message}\n`)
    return isEnded ? 130 : 1
  }
  tell('\nThat was the tour. The system was stopped and its home removed; `npm start` makes one that stays.')
  return 0
}

/** How to wait; undefined for --help, and what is wrong with the options as a text. */
function paceOf(words: readonly string[]): Pace | string | undefined {
  const options = { pace: { type: 'string' }, fast: { type: 'boolean' }, help: { type: 'boolean' } } as const
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']
  try {
    values = parseArgs({ args: [...words], options }).values
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\nSee: npm run demo -- --help`
  }
  if (values.help === true) return undefined
  if (values.fast === true) return everySeconds(0)
  if (values.pace !== undefined) {
    const isNumber = /^\d{1,4}(\.\d{1,3})?$/.test(values.pace)
    return isNumber ? everySeconds(Number(values.pace)) : '--pace takes seconds, as in --pace 3'
  }
  return process.stdin.isTTY ? eachKey(process.stdin) : 'There is no terminal for keys: give --pace SECONDS, or --fast.'
}

async function play(pace: Pace, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'pop-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  const home = join(folder, 'home')
  tell('Starting a system of its own …')
  const { gateway } = stack.use(await startSystem(home, root, signal))
  const environment = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    POP_HOME: home,
    // What npm has to say of the settings of this machine is no part of the tour.
    npm_config_loglevel: 'error',
    // What `pop login` keeps belongs to this system and goes with it.
    XDG_CONFIG_HOME: join(folder, 'config'),
  }
  const shell = stack.use(openShell({ cwd: root, folder, environment }))
  const leave = (): void => void shell[Symbol.asyncDispose]()
  signal.addEventListener('abort', leave, { once: true })
  stack.defer(() => signal.removeEventListener('abort', leave))
  for (const { says, text } of readTour(await readFile(join(root, 'README.md'), 'utf8'), { home, gateway })) {
    tell(`\n${says}\n`)
    for (const command of splitCommands(text)) {
      process.stdout.write(`${prompted(command)}\n`)
      await pace(signal)
      const code = await shell.run(command)
      signal.throwIfAborted()
      if (code !== 0) throw new Error(`the command above ended with ${code}; what went wrong is before this line`)
    }
  }
}

/** A command as it stands in a session: the shell's marks before each of its lines. */
function prompted(command: string): string {
  return command
    .split('\n')
    .map((line, index) => `${index === 0 ? '$' : '>'} ${line}`)
    .join('\n')
}

function tell(text: string): void {
  process.stdout.write(`${styleText('dim', text)}\n`)
}
