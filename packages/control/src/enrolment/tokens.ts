import { hash, randomBytes } from 'node:crypto'
import { formatSpiffeId, parseSpiffeId, PopError, type EnrolmentKind } from '@pop-api/protocol'
import { formatEnrolmentToken, parseEnrolmentToken } from '@pop-api/workload'
import { requiredNumber, requiredText, textOf, type Store } from '../store/store.ts'
import { isInRange, loopback, parseRanges } from './address-range.ts'

/** Who may enrol with a token. `instance` is of modules only; the same instance enrolled again replaces the earlier one. */
export interface TokenRequest {
  readonly name: string
  readonly kind: EnrolmentKind
  /** Default `1`. */
  readonly instance?: string
  /** Comma-separated ranges of addresses it may come from; default loopback. */
  readonly cidr?: string
}

/** A token as it is known here: only its hash is stored. */
export interface KnownToken {
  readonly hash: string
  readonly kind: EnrolmentKind
  readonly name: string
  readonly instance: string
  /** What it was used for, once it was. */
  readonly binding: string | undefined
  readonly result: string | undefined
}

export const tokenLifeMs = 10 * 60_000

/** Makes a token for one workload and one use. Throws a RangeError for a name that cannot be part of a SPIFFE ID. */
export function issueToken(store: Store, request: TokenRequest, rootSpkiSha256: string, nowMs: number): string {
  const { name, kind, instance = '1', cidr = loopback } = request
  parseRanges(cidr)
  if (parseSpiffeId(spiffeIdFor({ name, kind, instance }, 'pop.internal')) === undefined) {
    throw new RangeError(`${name} cannot be the name of a ${kind}.`)
  }
  const token = formatEnrolmentToken({ secret: randomBytes(32).toString('base64url'), rootSpkiSha256 })
  store.database.prepare('delete from tokens where expires_ms <= ?').run(nowMs)
  store.database
    .prepare('insert into tokens values (?, ?, ?, ?, ?, ?, null, null)')
    .run(hash('sha256', token, 'hex'), kind, name, instance, cidr, nowMs + tokenLifeMs)
  return token
}

/** The SPIFFE ID that a token entitles to. The issuer has none; its name is checked as if it were a gateway's. */
export function spiffeIdFor(
  { kind, name, instance }: { readonly kind: EnrolmentKind; readonly name: string; readonly instance: string },
  domain: string,
): string {
  if (kind === 'module') return formatSpiffeId({ domain, kind, module: name, instance })
  return formatSpiffeId({ domain, kind: 'gateway', node: name })
}

/** Finds a token that is alive and may be used from this address. Throws `enrolment-refused`. Untrusted input. */
export function findToken({ database }: Store, text: unknown, address: string, nowMs: number): KnownToken {
  if (typeof text !== 'string' || parseEnrolmentToken(text) === undefined) throw refusal('is not a token')
  const tokenHash = hash('sha256', text, 'hex')
  const row = database.prepare('select * from tokens where hash = ?').get(tokenHash)
  if (row === undefined) throw refusal('is not known')
  if (requiredNumber(row['expires_ms']) <= nowMs) throw refusal('has expired')
  if (!isInRange(address, requiredText(row['cidr']))) throw refusal('may not be used from this address')
  const kind = requiredText(row['kind'])
  if (kind !== 'gateway' && kind !== 'module' && kind !== 'issuer')
    throw new Error(`The stored kind ${kind} is unknown.`)
  return {
    hash: tokenHash,
    kind,
    name: requiredText(row['name']),
    instance: requiredText(row['instance']),
    binding: textOf(row['binding']),
    result: textOf(row['result']),
  }
}

/** Uses the token up for these keys; again for the same keys is no second use. Throws `enrolment-refused` for other keys. */
export function bindToken({ database }: Store, token: KnownToken, binding: string): void {
  const update = 'update tokens set binding = ? where hash = ? and (binding is null or binding = ?)'
  if (database.prepare(update).run(binding, token.hash, binding).changes !== 1)
    throw refusal('was used with another key')
}

/** Keeps what the token gave; gives back what was kept first, so that two answers to one token never differ. */
export function keepResult({ database }: Store, token: KnownToken, result: string): string {
  database.prepare('update tokens set result = ? where hash = ? and result is null').run(result, token.hash)
  return requiredText(database.prepare('select result from tokens where hash = ?').get(token.hash)?.['result'])
}

function refusal(what: string): PopError {
  return new PopError('enrolment-refused', `The enrolment token ${what}.`)
}
