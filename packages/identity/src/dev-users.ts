import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { isJsonObject, isPlainText, isTextList, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { decodeBase32, encodeBase32 } from './totp.ts'

/**
 * A person who signs in with password and code. `id` is the `sub` of their tokens (UUID), `totp_secret` base32; whoever has none
 * sets up a second factor at the first sign-in in a browser.
 */
export interface DevUser {
  readonly id: string
  readonly username: string
  readonly password: string
  readonly totp_secret?: string
  readonly roles: readonly string[]
  /** Module → permissions that the tokens of this user carry themselves; none unless somebody writes them into the file. */
  readonly module_permissions?: Readonly<Record<string, readonly string[]>>
}

/**
 * A program that signs in with its own secret; where it has public keys (`jwks`), by a JWT of its own instead and with no secret
 * (`private_key_jwt`). `subject` is the `sub` of its tokens (UUID).
 */
export interface DevClient {
  readonly client_id: string
  readonly client_secret: string
  readonly jwks?: { readonly keys: readonly JsonObject[] }
  readonly subject: string
  readonly roles: readonly string[]
}

/** A person of development whose second factor is known from the start. */
export type EnrolledDevUser = DevUser & { readonly totp_secret: string }

/** The content of `dev-users.json` (interfaces.md). */
export interface DevUsers {
  readonly users: readonly DevUser[]
  readonly clients: readonly DevClient[]
}

// Without 0 O 1 I l, so that a password can be read off a screen; 24 of 56 characters are 139 bits.
const passwordAlphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnopqrstuvwxyz'
const passwordCharacters = 24
const totpSecretBytes = 20
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The three users and the one service client of development, every secret of them random and new. */
export function makeDevUsers(): DevUsers & { readonly users: readonly EnrolledDevUser[] } {
  return {
    users: [makeUser('alice', ['admin', 'user']), makeUser('bob', ['user']), makeUser('carol', ['reader'])],
    clients: [{ client_id: 'reporter', client_secret: makePassword(), subject: randomUUID(), roles: ['reader'] }],
  }
}

function makeUser(username: string, roles: readonly string[]): EnrolledDevUser {
  const totpSecret = encodeBase32(randomBytes(totpSecretBytes))
  return { id: randomUUID(), username, password: makePassword(), totp_secret: totpSecret, roles }
}

function makePassword(): string {
  const pick = (): string => passwordAlphabet.charAt(randomInt(passwordAlphabet.length))
  return Array.from({ length: passwordCharacters }, pick).join('')
}

/** The users in the text of a `dev-users.json`; undefined for anything but its exact shape, also for a name or id twice. */
export function parseDevUsers(text: string): DevUsers | undefined {
  const parsed = parseStrictJson(text)
  if (!parsed.ok || !isJsonObject(parsed.value) || !hasExactly(parsed.value, ['users', 'clients'])) return undefined
  const { users, clients } = parsed.value
  if (!Array.isArray(users) || !users.every(isDevUser)) return undefined
  if (!Array.isArray(clients) || !clients.every(isDevClient)) return undefined
  const names = [...users.map((user) => user.username), ...clients.map((client) => client.client_id)]
  const subjects = [...users.map((user) => user.id), ...clients.map((client) => client.subject)]
  return isSet(names) && isSet(subjects) ? { users, clients } : undefined
}

function isDevUser(value: unknown): value is DevUser {
  return (
    isJsonObject(value) &&
    hasExactly(value, ['id', 'username', 'password', 'roles'], ['totp_secret', 'module_permissions']) &&
    isUuid(value['id']) &&
    isFilled(value['username']) &&
    isFilled(value['password']) &&
    (!Object.hasOwn(value, 'totp_secret') || isTotpSecret(value['totp_secret'])) &&
    isTextList(value['roles'], 64, 256) &&
    isPermissions(value['module_permissions'] ?? {})
  )
}

function isDevClient(value: unknown): value is DevClient {
  return (
    isJsonObject(value) &&
    hasExactly(value, ['client_id', 'client_secret', 'subject', 'roles'], ['jwks']) &&
    (!Object.hasOwn(value, 'jwks') || isKeySet(value['jwks'])) &&
    isFilled(value['client_id']) &&
    isFilled(value['client_secret']) &&
    isUuid(value['subject']) &&
    isTextList(value['roles'], 64, 256)
  )
}

/**
 * Why these users may not be used where a password has at least `charactersMin` characters: one sentence that names the first who
 * has a shorter one, and says what to do. Undefined where all are long enough.
 */
export function shortPassword({ users }: DevUsers, charactersMin: number): string | undefined {
  const found = users.find(({ password }) => charactersIn(password) < charactersMin)
  if (found === undefined) return undefined
  const has = `The password of ${JSON.stringify(found.username)} has ${charactersIn(found.password)} characters`
  const wanted = `security_config.minimum_password_length asks for ${charactersMin}`
  return `${has}, and ${wanted}: give a longer one, or ask for less.`
}

/** As Keycloak counts, and whoever reads the setting: characters, not bytes. */
function charactersIn(password: string): number {
  return Array.from(password).length
}

function isPermissions(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).every((list) => isTextList(list, 256, 256))
}

function hasExactly(value: object, names: readonly string[], optional: readonly string[] = []): boolean {
  const allNames = [...names, ...optional]
  return (
    names.every((name) => Object.hasOwn(value, name)) && Object.keys(value).every((name) => allNames.includes(name))
  )
}

/** Public keys alone: a private one in this file would be one that two hold. */
function isKeySet(value: unknown): boolean {
  if (!isJsonObject(value) || !hasExactly(value, ['keys']) || !Array.isArray(value['keys'])) return false
  const { keys } = value
  const isPublic = (key: unknown): boolean =>
    isJsonObject(key) && ['EC', 'RSA', 'OKP'].includes(String(key['kty'])) && !Object.hasOwn(key, 'd')
  return keys.length > 0 && keys.every(isPublic)
}

function isUuid(value: unknown): boolean {
  return typeof value === 'string' && uuidPattern.test(value)
}

function isFilled(value: unknown): boolean {
  return isPlainText(value, 256)
}

function isTotpSecret(value: unknown): boolean {
  return typeof value === 'string' && (decodeBase32(value)?.length ?? 0) >= 16
}

function isSet(values: readonly string[]): boolean {
  return new Set(values).size === values.length
}
