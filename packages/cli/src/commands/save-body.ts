import { randomBytes } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { bodyOf } from '../client/answer.ts'
import type { ClientAnswer } from '../client/exchange.ts'
import type { Gateway } from '../client/gateway.ts'
import { CommandFailure, usageFailure } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'

/**
 * Writes a body to a file and gives its bytes. It grows under another name beside it and is renamed at the end, so that the file is
 * whole or as it was before. Throws a CommandFailure: usage when it cannot be written, unreachable when the answer ends early.
 */
export async function saveBody(answer: ClientAnswer, gateway: Gateway, path: string): Promise<number> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`
  try {
    const file = await open(temporary, 'wx')
    const bytes = await fill(file, answer, gateway)
    await rename(temporary, path)
    return bytes
  } catch (error) {
    await rm(temporary, { force: true })
    if (error instanceof CommandFailure) throw error
    throw usageFailure(`${path} cannot be written (${errorCode(error)})`, error)
  }
}

async function fill(file: FileHandle, answer: ClientAnswer, gateway: Gateway): Promise<number> {
  try {
    let bytes = 0
    for await (const chunk of bodyOf(answer, gateway)) {
      await file.writeFile(chunk)
      bytes += chunk.length
    }
    await file.sync()
    return bytes
  } finally {
    await file.close()
  }
}
