import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, parseStrictJson } from '@pop-api/protocol'
import { errorCode, readOwnFile, writeOwnFile } from './own-file.ts'

/** `<home>/family.json`: the supervisor and its children from their first moment on, unlike `run.json`. */
export interface Family {
  readonly supervisor: number
  readonly children: readonly number[]
}

/** Writes who is there now. */
export async function writeFamily(home: string, family: Family): Promise<void> {
  await writeOwnFile(pathIn(home), `${JSON.stringify(family)}\n`)
}

/** Removes the file: nobody is left. */
export async function removeFamily(home: string): Promise<void> {
  await rm(pathIn(home), { force: true })
}

/** Who was there last; undefined when everybody had stopped, or the file is not ours to read. */
export async function readFamily(home: string): Promise<Family | undefined> {
  const text = await readOwnFile(pathIn(home))
  const parsed = text === undefined ? undefined : parseStrictJson(text)
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) return undefined
  const { supervisor, children } = parsed.value
  if (typeof supervisor !== 'number' || !Array.isArray(children)) return undefined
  return { supervisor, children: children.filter((pid) => typeof pid === 'number') }
}

/**
 * Waits for the children of a supervisor that was killed: they see its end and stop, and until then they hold their ports. Gives
 * up in silence: a number may long be that of another process, and whoever still has a port is found by that port.
 */
export async function outliveOrphans(home: string, waitMsMax: number = 5_000): Promise<void> {
  const family = await readFamily(home)
  const sinceMs = performance.now()
  while (family?.children.some(isAlive) === true && performance.now() - sinceMs < waitMsMax) await delay(50)
}

/** True while there is a process with this number. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is alive too, though we may not signal it.
    return errorCode(error) === 'EPERM'
  }
}

function pathIn(home: string): string {
  return join(home, 'family.json')
}
