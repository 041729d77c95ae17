import { open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEvent } from '@pop-api/audit'
import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { usageFailure, type CommandFailure } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'

/** A folder of audit events in a home. */
export interface HomeLog {
  /** `gateway` for its audit log, `gateway refusals` for what its front door refused. */
  readonly name: string
  /** The process that writes it. */
  readonly process: string
  readonly folder: string
}

/** A place in a log that its process may be writing at this moment. */
export interface AuditCursor {
  readonly log: HomeLog
  /** The events that came since the last call, oldest first; at first all of them. Goes on into the next file of the log. */
  readonly next: () => AsyncGenerator<AuditEvent>
}

const fileShape = /^\d{8}\.jsonl$/

/** The logs of a home: `<home>/<process>/audit/`, and `<home>/<process>/refusals/`. Throws a CommandFailure (usage). */
export async function auditLogs(home: string): Promise<readonly HomeLog[]> {
  const processes = (await unlessAbsent(readdir(home), home)) ?? []
  const candidates = processes.toSorted().flatMap((process) => [
    { name: process, process, folder: join(home, process, 'audit') },
    { name: `${process} refusals`, process, folder: join(home, process, 'refusals') },
  ])
  const found: HomeLog[] = []
  for (const log of candidates) if ((await logFiles(log.folder)) !== undefined) found.push(log)
  return found
}

/** The failure of a command that reads the logs of a home that has none. */
export function noAuditLogs(home: string): CommandFailure {
  return usageFailure(`there are no audit logs in ${home}: start with \`pop up\`, or give another folder with --home`)
}

/** Opens a log at its beginning. */
export function openAuditCursor(log: HomeLog): AuditCursor {
  const { folder } = log
  let file = ''
  let offset = 0
  return {
    log,
    next: async function* () {
      for (const name of (await logFiles(folder)) ?? []) {
        if (name < file) continue
        if (name > file) offset = 0
        file = name
        const handle = await unlessAbsent(open(join(folder, name)), folder)
        if (handle === undefined) continue
        await using closing = new AsyncDisposableStack()
        closing.defer(() => handle.close())
        const { size } = await handle.stat()
        // A write that failed was taken back: what follows begins there.
        offset = Math.min(offset, size)
        for await (const { line, end } of linesOf(handle, offset)) {
          offset = end
          const event = eventOf(line)
          if (event !== undefined) yield event
        }
      }
    },
  }
}

/** Whole lines only: one without its end is still being written, or torn by a crash, and is read again the next time. */
async function* linesOf(handle: FileHandle, start: number): AsyncGenerator<{ line: string; end: number }> {
  const chunk = Buffer.alloc(64 * 1024)
  let held = Buffer.alloc(0)
  let heldAt = start
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, heldAt + held.length)
    if (bytesRead === 0) return
    held = Buffer.concat([held, chunk.subarray(0, bytesRead)])
    let from = 0
    for (let end = held.indexOf(0x0a); end >= 0; end = held.indexOf(0x0a, from)) {
      yield { line: held.toString('utf8', from, end), end: heldAt + end + 1 }
      from = end + 1
    }
    held = held.subarray(from)
    heldAt += from
  }
}

async function logFiles(folder: string): Promise<readonly string[] | undefined> {
  const names = await unlessAbsent(readdir(folder), folder)
  return names?.filter((name) => fileShape.test(name)).sort()
}

async function unlessAbsent<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return undefined
    throw usageFailure(`${path} cannot be read (${errorCode(error)}): run as its owner`, error)
  }
}

const textFields = ['timestamp', 'action', 'user', 'service', 'resource_id', 'ip_address', 'status'] as const

function eventOf(line: string): AuditEvent | undefined {
  const parsed = parseStrictJson(line)
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined
  const members: JsonObject = parsed.value
  // The rest of the shape is what the log writes; each use of an optional member looks at its type.
  return textFields.every((field) => typeof members[field] === 'string')
    ? (parsed.value as unknown as AuditEvent)
    : undefined
}
