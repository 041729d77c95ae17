import {
  isJsonObject,
  isPlainText,
  isTextList,
  PopError,
  reasonCharactersMax,
  type JsonObject,
  type QueryPair,
} from '@pop-api/protocol'
import { idShape } from './person.ts'
import { isSafeUsername, isServiceAccountName } from './username.ts'

/** Which part of the list is wanted. */
export interface ListRequest {
  readonly search: string | undefined
  readonly first: number
  readonly max: number
}

export interface AddRequest {
  readonly username: string
  readonly email: string | undefined
  readonly first_name: string | undefined
  readonly last_name: string | undefined
  readonly roles: readonly string[]
  /** Undefined: one is made. */
  readonly password: string | undefined
}

/** Why, in the words of whoever ordered it; undefined where nothing was said. */
export interface ReasonRequest {
  readonly reason: string | undefined
}

const listMax = 200
const listUnlessTold = 50
const firstMax = 1_000_000
const rolesMax = 64

/** `?search=&first=&max=`. Throws `parameter-invalid`. Untrusted input. */
export function readListRequest(query: readonly QueryPair[]): ListRequest {
  const given = new Map(query.map(({ name, value }) => [name, value]))
  const unknown = [...given.keys()].find((name) => !['search', 'first', 'max'].includes(name))
  if (unknown !== undefined || given.size < query.length)
    throw new PopError('parameter-invalid', 'The list takes search, first and max, each once.')
  const search = given.get('search')
  if (search !== undefined && !isPlainText(search, 100))
    throw new PopError('parameter-invalid', 'search: expected a text of 1 to 100 characters')
  return {
    search,
    first: readNumber('first', given.get('first'), { unlessTold: 0, min: 0, max: firstMax }),
    max: readNumber('max', given.get('max'), { unlessTold: listUnlessTold, min: 1, max: listMax }),
  }
}

function readNumber(
  name: string,
  text: string | undefined,
  { unlessTold, min, max }: { readonly unlessTold: number; readonly min: number; readonly max: number },
): number {
  if (text === undefined) return unlessTold
  const value = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new PopError('parameter-invalid', `${name}: expected a whole number from ${min} to ${max}`)
}

/** The body of `POST /v1/pop/users`. Throws `body-invalid`. Untrusted input. */
export function readAddRequest(body: unknown, passwordMin: number): AddRequest {
  const read = membersOf(body, ['username', 'email', 'first_name', 'last_name', 'roles', 'password'])
  const username = textOf(read, 'username', 255)
  if (username === undefined) throw invalid('username', 'a text')
  // It could not be told from the id of somebody else.
  if (idShape.test(username.toLowerCase())) throw invalid('username', 'a name, and not what looks like an id')
  if (isServiceAccountName(username)) throw invalid('username', 'a name that Keycloak does not give to clients')
  // In a list and in the log it could look like somebody else.
  if (!isSafeUsername(username))
    throw invalid('username', 'letters of one script, digits 0-9 and . _ @ + - only (Unicode NFKC)')
  return {
    username,
    email: textOf(read, 'email', 255),
    first_name: textOf(read, 'first_name', 255),
    last_name: textOf(read, 'last_name', 255),
    roles: rolesOf(read['roles'] ?? []),
    password: passwordOf(read, passwordMin),
  }
}

/** The body of `PUT …/roles`. Throws `body-invalid`. Untrusted input. */
export function readRolesRequest(body: unknown): ReasonRequest & { readonly roles: readonly string[] } {
  const read = membersOf(body, ['roles', 'reason'])
  return { roles: rolesOf(read['roles']), reason: reasonOf(read) }
}

/** The body of an order that needs no more than its path. Throws `body-invalid`. Untrusted input. */
export function readReasonRequest(body: unknown): ReasonRequest {
  return { reason: reasonOf(membersOf(body, ['reason'])) }
}

/** The body of `POST …/reset-password`. Throws `body-invalid`. Untrusted input. */
export function readPasswordRequest(body: unknown, passwordMin: number): ReasonRequest & Pick<AddRequest, 'password'> {
  const read = membersOf(body, ['reason', 'password'])
  return { reason: reasonOf(read), password: passwordOf(read, passwordMin) }
}

function membersOf(body: unknown, known: readonly string[]): JsonObject {
  if (!isJsonObject(body)) throw new PopError('body-invalid', `expected an object with ${known.join(', ')}`)
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown === undefined) return body
  throw new PopError('body-invalid', `expected no members but ${known.join(', ')}`)
}

function textOf(read: JsonObject, name: string, charactersMax: number): string | undefined {
  const value = read[name]
  if (value === undefined || isPlainText(value, charactersMax)) return value
  throw invalid(name, `a text of 1 to ${charactersMax} characters in one line`)
}

function reasonOf(read: JsonObject): string | undefined {
  const reason = textOf(read, 'reason', reasonCharactersMax)
  if (reason === undefined || reason.trim() !== '') return reason
  throw invalid('reason', 'more than space')
}

function rolesOf(value: unknown): readonly string[] {
  if (!isTextList(value, rolesMax, 128)) throw invalid('roles', 'a list of names of roles')
  return [...new Set(value)]
}

/** What is wrong with it is said, and never what it was. */
function passwordOf(read: JsonObject, charactersMin: number): string | undefined {
  const { password } = read
  if (password === undefined) return undefined
  if (!isPlainText(password, 256)) throw invalid('password', 'a text of at most 256 characters in one line')
  if (password.length >= charactersMin) return password
  throw invalid('password', `at least ${charactersMin} characters (minimum_password_length), found ${password.length}`)
}

function invalid(name: string, expected: string): PopError {
  return new PopError('body-invalid', `/${name}: expected ${expected}`)
}
