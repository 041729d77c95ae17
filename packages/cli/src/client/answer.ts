import { STATUS_CODES } from 'node:http'
import { isJsonObject, parseStrictJson, problemMediaType, type JsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { problemTitle } from '../print/problem-lines.ts'
import type { ClientAnswer } from './exchange.ts'
import type { Gateway } from './gateway.ts'

/** The media type of an answer in lower case, without parameters; empty where it has none. */
export function mediaTypeOf({ message }: ClientAnswer): string {
  return (message.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/**
 * Reads the whole body. Throws a CommandFailure: unreachable when it ends early, refused when it has more than `bytesMax`.
 */
export async function readBody(answer: ClientAnswer, gateway: Gateway, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of bodyOf(answer, gateway)) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      throw new CommandFailure(exitCodes.refused, `the answer has more than ${bytesMax} bytes. Take it with --out FILE`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The body, piece by piece. Throws a CommandFailure (unreachable) when it ends early. */
export async function* bodyOf({ message }: ClientAnswer, gateway: Gateway): AsyncGenerator<Buffer> {
  try {
    // Without an encoding a message gives Buffers.
    for await (const chunk of message as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    const message = `the answer of ${gateway.origin} ended early: what came is not all of it`
    throw new CommandFailure(exitCodes.unreachable, message, { cause: error })
  }
}

/** The document of a body that is one JSON object with one meaning; undefined for any other. Untrusted input. */
export function documentOf(body: Buffer): JsonObject | undefined {
  const parsed = parseStrictJson(body.toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

/**
 * The problem document of an answer: RFC 9457, or the error of OAuth (RFC 6749 section 5.2), which under our `/oauth` has the same
 * members.
 */
export function problemOf(answer: ClientAnswer, body: Buffer): JsonObject | undefined {
  const document = documentOf(body)
  const isProblem = mediaTypeOf(answer) === problemMediaType || typeof document?.['error'] === 'string'
  return isProblem ? document : undefined
}

/** The failure (refused) that an answer of 400 and above is. */
export function refusal(answer: ClientAnswer, body: Buffer): CommandFailure {
  const problem = problemOf(answer, body)
  if (problem === undefined) {
    const said = `${answer.status} ${STATUS_CODES[answer.status] ?? ''}`.trimEnd()
    const doubt = body.length === 0 ? '' : ', without a problem document: is this a POP API gateway?'
    return new CommandFailure(exitCodes.refused, said + doubt)
  }
  const seconds = answer.message.headers['retry-after']
  const wait = seconds !== undefined && /^\d{1,6}$/.test(seconds) ? ` (try again after ${seconds} s)` : ''
  return new CommandFailure(exitCodes.refused, problemTitle(answer.status, problem) + wait, { problem })
}
