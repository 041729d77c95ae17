import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { isCount, isJsonObject, parseStrictJson } from '@pop-api/protocol'
import type { Caller } from '../identify/caller.ts'

/** One token, or every token of a session, until the last of them has ended. */
interface Revocation {
  readonly kind: 'jti' | 'sid'
  readonly id: string
  /** Seconds since 1970: from then on nothing could still be covered. */
  readonly until: number
}

/** The tokens and sessions that this gateway refuses although they would verify. Keyed on verified claims, never on a token's text. */
export interface Revocations {
  readonly cover: (caller: Pick<Caller, 'jti' | 'sid'>) => boolean
  /** Resolves once the revocation is on the disk; it is in force before that. Rejects when it cannot be written. */
  readonly add: (revocation: Revocation) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const sweepAbove = 10_000

/**
 * Opens the list of a home (0700): `revocations.jsonl`, one JSON object a line, written anew at each start without what has ended.
 * A line torn by a crash was never acknowledged. Throws an Error for a whole line that is no revocation.
 */
export async function openRevocations(home: string, nowMs: () => number): Promise<Revocations> {
  const path = join(home, 'revocations.jsonl')
  const present = new Map<string, number>()
  for (const { kind, id, until } of await readList(path)) {
    if (until * 1000 > nowMs()) present.set(`${kind} ${id}`, until)
  }
  const file = await rewrite(path, present)
  let writing = Promise.resolve()
  return {
    cover: ({ jti, sid }) =>
      present.size > 0 && (present.has(`jti ${jti}`) || (sid !== undefined && present.has(`sid ${sid}`))),
    add: ({ kind, id, until }) => {
      if (present.size >= sweepAbove) for (const [name, end] of present) if (end * 1000 <= nowMs()) present.delete(name)
      const key = `${kind} ${id}`
      present.set(key, Math.max(until, present.get(key) ?? 0))
      const written = writing.then(() => appendLine(file, { kind, id, until }))
      // A failed write is the business of whoever asked for it; the next one begins all the same.
      writing = written.catch(() => undefined)
      return written
    },
    [Symbol.asyncDispose]: async () => {
      await writing
      await file.close()
    },
  }
}

/** All or nothing: half a line left by a full disk would spoil the next one. */
async function appendLine(file: FileHandle, revocation: Revocation): Promise<void> {
  const { size } = await file.stat()
  try {
    await file.appendFile(`${JSON.stringify(revocation)}\n`)
    await file.datasync()
  } catch (error) {
    await file.truncate(size)
    throw error
  }
}

async function rewrite(path: string, present: ReadonlyMap<string, number>): Promise<FileHandle> {
  const next = await open(`${path}.next`, 'w', 0o600)
  for (const [key, until] of present) {
    const [kind, id] = [key.slice(0, 3), key.slice(4)]
    await next.appendFile(`${JSON.stringify({ kind, id, until })}\n`)
  }
  await next.datasync()
  await next.close()
  await rename(`${path}.next`, path)
  return open(path, 'a', 0o600)
}

async function readList(path: string): Promise<Revocation[]> {
  const text = await readText(path)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => readLine(line, `${path}:${index + 1}`))
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

function readLine(line: string, place: string): Revocation {
  const parsed = parseStrictJson(line)
  const { kind, id, until } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  if ((kind === 'jti' || kind === 'sid') && typeof id === 'string' && isCount(until)) return { kind, id, until }
  // To go on without it would let in what somebody has revoked.
  throw new Error(`${place} is no revocation. Restore the file, or remove the line if you know what it was.`)
}
