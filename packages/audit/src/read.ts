import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { matches, type AuditEvent, type AuditQuery } from './event.ts'
import { logFiles } from './files.ts'
import { parseLine } from './line.ts'

/** Reads the events of a folder that a process may be writing at this moment, oldest first. A folder that is not there is empty. */
export async function* readAudit(directory: string, query: AuditQuery = {}): AsyncGenerator<AuditEvent> {
  for (const name of await filesOrNone(directory)) {
    const lines = createInterface({ input: createReadStream(join(directory, name), 'utf8'), crlfDelay: Infinity })
    for await (const line of lines) {
      const event = parseLine(line)
      if (event !== undefined && matches(event, query)) yield event
    }
  }
}

async function filesOrNone(directory: string): Promise<readonly string[]> {
  try {
    return await logFiles(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
