import { isJsonObject, isRevocation, isTextList, type JsonObject, type Revocation } from '@pop-api/protocol'
import { readableTime } from '../print/time.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'

/** What each kind is called by whoever orders one. */
const words: Readonly<Record<Revocation['kind'], string>> = {
  sid: 'session',
  sub: 'user',
  client: 'client',
  jti: 'token',
  kid: 'key',
  issuer: 'all of',
}

/** `user user:7f`: what is revoked. */
export function nameOf({ kind, value }: Pick<Revocation, 'kind' | 'value'>): string {
  return `${words[kind]} ${value}`
}

/** The revocation in an answer. Throws a CommandFailure where there is none. */
export function readRevocation(value: unknown): Revocation {
  if (isRevocation(value)) return value
  throw new CommandFailure(exitCodes.refused, 'the gateway answered without a revocation: is it of another version?')
}

/** The lines that tell of an order that was carried out. */
export function orderedLines(revocation: Revocation, nowMs: number): readonly string[] {
  return [
    `Revoked: ${nameOf(revocation)}, ${reachOf(revocation)}, until ${readableTime(revocation.until * 1000, nowMs)}.`,
    `Take it back with: pop incident undo ${revocation.id}`,
  ]
}

/** The lines that tell of a dry run. */
export function dryLines(revocation: Revocation, atGateway: unknown): readonly string[] {
  const { under_way: underWay, tokens, names } = isJsonObject(atGateway) ? atGateway : {}
  const known = isTextList(names, 100, 128) ? names : []
  const holders = known.length === 0 ? '' : `, of ${known.join(', ')}`
  return [
    `Would revoke: ${nameOf(revocation)}, ${reachOf(revocation)}. Nothing was changed.`,
    `At this gateway: ${Number(underWay)} requests under way, ${Number(tokens)} tokens used within the last hour${holders}.`,
  ]
}

function reachOf(revocation: Revocation): string {
  return 'issued_until' in revocation
    ? `tokens and sign-ins up to ${new Date(revocation.issued_until * 1000).toISOString().replace('.000Z', 'Z')}`
    : 'whenever issued'
}

/** The subjects that a row of the list names. `listed` is as the gateway gave it. */
export function subjectsOf(listed: JsonObject): readonly string[] {
  const { kind, value, account } = readRevocation(listed)
  return [...(kind === 'sub' ? [value] : []), ...(account === undefined ? [] : [account.by])]
}

/** The cells of one row of the list, with the usernames that are known. `listed` is as the gateway gave it. */
export function rowOf(listed: JsonObject, names: ReadonlyMap<string, string>): readonly string[] {
  const revocation = readRevocation(listed)
  const { id, until, account } = revocation
  const note = listed['pending'] === true ? ' (control does not know yet)' : ''
  const sessions = account?.sessions ?? '-'
  const at = account === undefined ? '-' : timeOf(account.at)
  const named = (subject: string): string => (names.has(subject) ? `${names.get(subject)} (${subject})` : subject)
  const what = revocation.kind === 'sub' ? `user ${named(revocation.value)}` : nameOf(revocation)
  const by = account === undefined ? '-' : named(account.by)
  return [id, what, at, timeOf(until), sessions, by, `${account?.reason ?? '-'}${note}`]
}

function timeOf(seconds: number): string {
  return seconds <= 0 ? '-' : new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')
}
