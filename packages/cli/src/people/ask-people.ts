import type { Command } from 'commander'
import { encodePercent, isJsonObject, type JsonObject } from '@pop-api/protocol'
import { askOperation } from '../client/ask-operation.ts'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'

interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Behind `/v1/pop/users`. */
  readonly path: string
  readonly body?: JsonObject
}

/** Asks the gateway for an operation on people. Throws as `askOperation`. */
export async function askPeople(command: Command, around: Surroundings, asked: Asked): Promise<JsonObject> {
  return await askOperation(command, around, { ...asked, path: `/v1/pop/users${asked.path}` })
}

/** The part of the path that names a person. Throws a CommandFailure (usage) for what can be no name. */
export function pathOf(user: string): string {
  if (user === '' || user === '.' || user === '..' || user.includes('/'))
    throw usageFailure('a user is named by username or id; one with a slash in its name only by id')
  return `/${encodePercent(user)}`
}

/** The user in an answer. Throws a CommandFailure where there is none. */
export function userOf({ user }: JsonObject): JsonObject {
  if (isJsonObject(user) && typeof user['id'] === 'string' && typeof user['username'] === 'string') return user
  throw new CommandFailure(exitCodes.refused, 'the gateway answered without a user: is it of another version?')
}

/** The subject of a person's tokens, by username or id; undefined where the gateway manages no users. Throws as `askPeople`. */
export async function subjectOf(command: Command, around: Surroundings, user: string): Promise<string | undefined> {
  try {
    const { id } = userOf(await askPeople(command, around, { method: 'GET', path: pathOf(user) }))
    return `user:${String(id)}`
  } catch (failure) {
    if (failure instanceof CommandFailure && failure.problem?.['code'] === 'users-not-managed') return undefined
    throw failure
  }
}
