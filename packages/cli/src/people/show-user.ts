import { isJsonObject, isTextList, type JsonObject } from '@pop-api/protocol'
import type { Output } from '../print/output.ts'
import { printableLines } from '../print/safe-text.ts'
import { printPairs, printTable } from '../print/table.ts'
import { isEpochSeconds, readableTime } from '../print/time.ts'

const listTitles = ['USERNAME', 'NAME', 'E-MAIL', 'STATE', 'ID'].map((title) => ({ title }))
const sessionTitles = ['SESSION', 'ADDRESS', 'STARTED (UTC)', 'LAST ACCESS (UTC)', 'CLIENTS'].map((title) => ({
  title,
}))

/** Shows users one below the other. */
export async function showUsers(users: readonly JsonObject[], out: Output): Promise<void> {
  const rows = users.map((user) => [
    usernameOf(user),
    nameOf(user),
    textOf(user['email']),
    stateOf(user),
    textOf(user['id']),
  ])
  await printTable(listTitles, rows, out)
}

/** Shows all that is known of a user. */
export async function showUser(user: JsonObject, out: Output, nowMs: number): Promise<void> {
  const { locked_until: lockedUntil, created, sessions, inherited_roles: inherited } = user
  const isLocked = lockedUntil !== undefined
  await printPairs(
    [
      ['username', usernameOf(user)],
      ['id', textOf(user['id'])],
      ['name', nameOf(user)],
      ['e-mail', textOf(user['email'])],
      ['state', stateOf(user)],
      ['locked', isLocked ? `until ${timeOf(lockedUntil, nowMs)}` : 'no'],
      ['roles', listOf(user['roles'])],
      ...(listOf(inherited) === '-' ? [] : [['roles by a group or another role', listOf(inherited)] as const]),
      ['second factor', user['second_factor'] === 'set_up' ? 'set up' : 'missing'],
      ['asked for at the next sign-in', listOf(user['required_actions'])],
      ['created', timeOf(created, nowMs)],
    ],
    out,
  )
  if (!Array.isArray(sessions) || sessions.length === 0) return
  await out.writeLine('')
  await showSessions(sessions.filter(isJsonObject), out)
}

/** Shows sessions, the one of the latest access first. */
export async function showSessions(sessions: readonly JsonObject[], out: Output): Promise<void> {
  const rows = sessions.map(({ id, ip, started, last_access: lastAccess, clients }) => [
    textOf(id),
    textOf(ip),
    minuteOf(started),
    minuteOf(lastAccess),
    listOf(clients),
  ])
  await printTable(sessionTitles, rows, out)
}

/** What became of the sessions of somebody who was signed out, as the end of a sentence; empty where nobody was. */
export function endOf({ sessions }: JsonObject): string {
  if (sessions === 'ended') return ' All sessions and tokens are ended.'
  if (sessions === 'pending')
    return ' All tokens are refused; Keycloak has yet to end the sessions, which is tried again.'
  return ''
}

/** Tells a password that was made, once; nothing where none was. */
export async function tellPassword({ password }: JsonObject, out: Output): Promise<void> {
  if (typeof password !== 'string') return
  await out.writeLine(printableLines(`Password for one sign-in: ${password}`))
  await out.writeLine(
    'It is shown this once and kept nowhere: hand it over in a safe way. The sign-in asks for another.',
  )
}

/** With the characters spelled out where the name could be taken for another that looks alike. */
function usernameOf({ username, username_escaped: escaped }: JsonObject): string {
  return typeof escaped === 'string' ? `${textOf(username)} (${escaped})` : textOf(username)
}

function stateOf({ enabled, unusable }: JsonObject): string {
  if (typeof unusable === 'string') return unusable
  return enabled === true ? 'enabled' : 'disabled'
}

function nameOf({ first_name: first, last_name: last }: JsonObject): string {
  const names = [first, last].filter((name) => typeof name === 'string')
  return names.length === 0 ? '-' : names.join(' ')
}

function textOf(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : '-'
}

function listOf(value: unknown): string {
  return isTextList(value, 1000, 255) && value.length > 0 ? value.join(', ') : '-'
}

function timeOf(value: unknown, nowMs: number): string {
  return isEpochSeconds(value) && value > 0 ? readableTime(value * 1000, nowMs) : 'an unknown time'
}

function minuteOf(value: unknown): string {
  return isEpochSeconds(value) ? new Date(value * 1000).toISOString().slice(0, 16).replace('T', ' ') : '-'
}
