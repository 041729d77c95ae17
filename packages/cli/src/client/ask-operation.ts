import type { Command } from 'commander'
import type { JsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { documentOf, readBody, refusal } from './answer.ts'
import { exchange } from './exchange.ts'
import { findGateway } from './gateway.ts'
import { presentSession } from './present-session.ts'

/** A request for an operation of the gateway itself. */
export interface AskedOperation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** The request target. */
  readonly path: string
  readonly body?: JsonObject
}

/** Room for ten thousand revocations with their accounts. */
const answerBytesMax = 16 * 1024 * 1024

/** Asks the gateway as whoever is signed in, and gives the document of its answer. Throws a CommandFailure for anything else. */
export async function askOperation(command: Command, around: Surroundings, asked: AskedOperation): Promise<JsonObject> {
  const gateway = await findGateway(command, around.environment)
  const { accessToken } = await presentSession(gateway, around.environment)
  const content = asked.body === undefined ? undefined : Buffer.from(JSON.stringify(asked.body), 'utf8')
  const headers = {
    'user-agent': 'pop',
    accept: 'application/json',
    authorization: `Bearer ${accessToken}`,
    ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(content.length) }),
  }
  const request = { method: asked.method, path: asked.path, headers }
  using answer = await exchange(gateway, content === undefined ? request : { ...request, body: content })
  const body = await readBody(answer, gateway, answerBytesMax)
  if (answer.status >= 400) throw refusal(answer, body)
  const document = documentOf(body)
  if (document !== undefined) return document
  throw new CommandFailure(
    exitCodes.refused,
    `${gateway.origin} answered otherwise than asked: is it of another version?`,
  )
}
