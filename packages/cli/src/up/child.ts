import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { eachLine } from './lines.ts'

/** How a process ended; both undefined when it could not even be started. */
export interface ChildExit {
  readonly code: number | undefined
  readonly signal: string | undefined
}

/** One started process. Neither promise rejects. */
export interface Child {
  readonly pid: number | undefined
  /** Its message `ready`; undefined when it ended without one. */
  readonly ready: Promise<JsonObject | undefined>
  readonly exit: Promise<ChildExit>
  /** Sends over IPC; false when the child does not take messages any more. */
  readonly send: (message: JsonObject) => boolean
  readonly kill: (signal: NodeJS.Signals) => void
}

export interface ChildOptions {
  readonly program: string
  readonly environment: NodeJS.ProcessEnv
  /** Told of each line that it writes, on whichever stream. */
  readonly onLine: (line: string) => void
  /** Told of each message that is not `ready`. */
  readonly onMessage: (message: JsonObject) => void
}

/** The last output of a process that has ended may still be on its way this long. */
const drainMs = 500

/** Starts a program with an IPC channel, in a process group of its own: Ctrl-C is for the supervisor alone. */
export function startChild({ program, environment, onLine, onMessage }: ChildOptions): Child {
  const child = fork(program, { env: environment, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  if (child.stdout !== null) eachLine(child.stdout, onLine)
  if (child.stderr !== null) eachLine(child.stderr, onLine)
  const ready = Promise.withResolvers<JsonObject | undefined>()
  const exit = Promise.withResolvers<ChildExit>()
  const closed = Promise.withResolvers<void>()
  child.once('close', () => closed.resolve())
  const end = async (found: ChildExit): Promise<void> => {
    await Promise.race([closed.promise, delay(drainMs, undefined, { ref: false })])
    ready.resolve(undefined)
    exit.resolve(found)
  }
  child.on('exit', (code, signal) => void end({ code: code ?? undefined, signal: signal ?? undefined }))
  child.on('error', (error) => {
    onLine(`supervisor: ${error.message}`)
    if (child.pid === undefined) void end({ code: undefined, signal: undefined })
  })
  child.on('message', (message) => {
    if (!isJsonObject(message)) return
    if (message['type'] === 'ready') ready.resolve(message)
    else onMessage(message)
  })
  return {
    pid: child.pid,
    ready: ready.promise,
    exit: exit.promise,
    // A failure to send comes as the event `error`, which is a line of the log.
    send: (message) => child.connected && child.send(message),
    kill: (signal) => void child.kill(signal),
  }
}
