import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { makeHome, startUp } from './up-world.ts'

/** What `run.json` says, as far as tests look at it. */
interface Run {
  readonly processes: Readonly<Record<string, { readonly pid: number }>>
  readonly gateway: string
  readonly ca: string
}

/** `pop up` as a process, in a home of its own, ready. */
export interface Supervised {
  readonly home: string
  /** `run.json` as it is now. */
  readonly run: () => Run
  /** Kills the supervisor with SIGKILL and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** Starts anew on the same home and ports. */
  readonly start: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface SupervisedOptions {
  /** Text of a `pop.yaml`, for a gateway that will have this address; the built-in settings unless told. */
  readonly settings: (gateway: string) => string
  /** What is done to the home before the first start. */
  readonly prepare: (home: string, config: string) => Promise<void>
}

/** Starts `pop up` on free ports that it can have again, and waits until it is ready. */
export async function startSupervised(options?: SupervisedOptions): Promise<Supervised> {
  await using stack = new AsyncDisposableStack()
  const { path: home, folder } = stack.use(await makeHome())
  const base = await freePorts()
  const words = ['--port-base', String(base)]
  if (options !== undefined) {
    const config = join(folder, 'pop.yaml')
    writeFileSync(config, options.settings(`https://localhost:${base}`))
    words.push('--config', config)
    await options.prepare(home, config)
  }
  let up = startUp(home, words)
  stack.defer(() => up[Symbol.asyncDispose]())
  await up.isReady()
  const owned = stack.move()
  return {
    home,
    // Written by the program under test, whose own tests check its shape.
    run: () => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as Run,
    kill: async () => {
      up.child.kill('SIGKILL')
      await up.exited
    },
    start: async () => {
      up = startUp(home, words)
      await up.isReady()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The first of ten ports in a row that nobody listens on now. */
async function freePorts(): Promise<number> {
  for (let base = 20_000 + Math.floor(Math.random() * 10_000); ; base = 20_000 + ((base + 37) % 10_000)) {
    const free = await Promise.all(Array.from({ length: 10 }, (_, offset) => isFree(base + offset)))
    if (!free.includes(false)) return base
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}
