import { join } from 'node:path'
import { isJsonObject, isPlainText, isTextList, parseStrictJson } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { readOwnFile } from '../up/own-file.ts'

/** A person of development, as `pop dev users` shows them. */
export interface DevUser {
  /** The `sub` of their tokens. */
  readonly id: string
  readonly username: string
  readonly password: string
  /** Base32; absent where the second factor is set up at the first sign-in. */
  readonly totp_secret?: string
  readonly roles: readonly string[]
}

/** A program of development that signs in with its own secret; `subject` is the `sub` of its tokens. */
interface DevClient {
  readonly client_id: string
  readonly client_secret: string
  readonly subject: string
  readonly roles: readonly string[]
}

export interface DevUsers {
  readonly users: readonly DevUser[]
  readonly clients: readonly DevClient[]
}

/** Where a home has its users of development. */
export function devUsersPath(home: string): string {
  return join(home, 'dev-users.json')
}

/**
 * Reads `<home>/dev-users.json`; undefined when there is none. What else stands beside these members is the identity provider's.
 * Throws a CommandFailure (usage) for a file that others can read or that is not in this shape.
 */
export async function readDevUsers(home: string): Promise<DevUsers | undefined> {
  const path = devUsersPath(home)
  const text = await readOwnFile(path)
  if (text === undefined) return undefined
  const parsed = parseStrictJson(text)
  const members = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const { users, clients } = members
  if (isListOf(users, isDevUser) && isListOf(clients, isDevClient)) return { users, clients }
  throw usageFailure(`${path} is not a list of users and clients. Remove it to make a new one`)
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem)
}

function isDevUser(value: unknown): value is DevUser {
  return (
    isJsonObject(value) &&
    isPlainText(value['id'], 64) &&
    isPlainText(value['username'], 256) &&
    isPlainText(value['password'], 256) &&
    (value['totp_secret'] === undefined || isPlainText(value['totp_secret'], 256)) &&
    isTextList(value['roles'], 64, 256)
  )
}

function isDevClient(value: unknown): value is DevClient {
  return (
    isJsonObject(value) &&
    isPlainText(value['client_id'], 256) &&
    isPlainText(value['client_secret'], 256) &&
    isPlainText(value['subject'], 256) &&
    isTextList(value['roles'], 64, 256)
  )
}
