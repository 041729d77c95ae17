import { chmod } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { usageFailure } from '../command-failure.ts'
import { makeSessionFolder, sessionPath } from './session.ts'

const pauseMs = 50
/** Longer than a command may need to renew a token. */
const patienceMs = 90_000

/**
 * Does something while no other `pop` of this user changes the session at a gateway: a refresh token works once, and a second use
 * ends the session. The lock is one of SQLite, which the system frees however a process ends. Throws a CommandFailure (usage) when
 * another holds it for 90 s.
 */
export async function withSessionLock<T>(
  environment: Readonly<NodeJS.ProcessEnv>,
  origin: string,
  act: () => Promise<T>,
): Promise<T> {
  await makeSessionFolder(environment)
  const path = `${sessionPath(environment, origin)}.lock`
  const database = await takeLock(path, performance.now() + patienceMs)
  try {
    return await act()
  } finally {
    database.close()
  }
}

async function takeLock(path: string, untilMs: number): Promise<DatabaseSync> {
  for (;;) {
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      database.exec('pragma locking_mode = exclusive; begin exclusive')
      await chmod(path, 0o600)
      return database
    } catch (error) {
      database.close()
      if (!isBusy(error)) throw usageFailure(`${path} cannot be locked: remove it, and try again`, error)
      if (performance.now() >= untilMs) {
        throw usageFailure('another `pop` has been changing this session for 90 s: end that one, and try again', error)
      }
    }
    await pause(pauseMs)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5 // SQLITE_BUSY
}
