import { flushCompileCache } from 'node:module'

/** A message to the supervisor over IPC; `type` says which. */
export type ProcessMessage = { readonly type: string } & Readonly<Record<string, unknown>>

const stopMsUnlessTold = 10_000

/**
 * Tells the supervisor that this process serves, and keeps what was compiled for its next start. Does nothing without an IPC channel. Resolves once it is sent; rejects when the
 * supervisor is gone.
 */
export async function reportReady(members: Readonly<Record<string, unknown>>): Promise<void> {
  await sendMessage({ ...members, type: 'ready' })
  // Node would write it at an orderly end alone, and who is killed then starts as slowly as the first time.
  flushCompileCache()
}

/** Sends one message to the supervisor; does nothing without an IPC channel. */
export async function sendMessage(message: ProcessMessage): Promise<void> {
  if (process.send === undefined) return
  await new Promise<void>((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error === null ? resolve() : reject(error)))
  })
}

/**
 * Ties this process to its supervisor: SIGTERM and the end of the IPC channel (also by `kill -9` of the supervisor) run `stop`
 * once and end the process with 0, or with 1 when `stop` throws or takes longer than `stopMs`. SIGINT is ignored under a
 * supervisor, because a terminal sends it to the whole tree; alone, it stops.
 */
export function superviseProcess(stop: () => Promise<void>, stopMs: number = stopMsUnlessTold): void {
  let stopping = false
  const end = (): void => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), stopMs).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(
          `${JSON.stringify({ level: 'error', message: 'stopping failed', error: String(error) })}\n`,
        )
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', end)
  process.on('disconnect', end)
  // The supervisor may be gone since before anybody listened: that event does not come again.
  if (process.send !== undefined && !process.connected) end()
  process.on('SIGINT', () => {
    if (process.send === undefined) end()
  })
}
