import { hash } from 'node:crypto'
import { isCount, isJsonObject, isPlainText, type JsonObject } from '../encoding/shape.ts'
import { isUnlocks, type Unlock } from './unlock.ts'

/** Kinds that end every token which carries the value, whenever it was issued. */
export type WholeKind = 'jti' | 'sid' | 'kid'
/** Kinds that end what was issued up to a moment, so that nobody is locked out for ever. */
export type TimedKind = 'sub' | 'client' | 'issuer'
export type RevocationKind = WholeKind | TimedKind

/** Why a revocation is there: for people, and for gateways alone. */
export interface RevocationAccount {
  readonly reason: string
  /** A subject such as `user:ID`, or the SPIFFE ID of the gateway whose endpoint was asked. */
  readonly by: string
  /** Seconds since 1970. */
  readonly at: number
  /** Whether the provider has ended the sessions behind it; undefined where there are none to end. */
  readonly sessions?: 'ended' | 'pending'
}

interface Common {
  /** Follows from kind, value and `issued_until`: whoever says the same twice says one thing. */
  readonly id: string
  /**
   * `jti`, `sid`, `kid` (key of the provider), `sub` (with its name space), `client` (the client that a token was issued to), `issuer`
   * (everything of a provider).
   */
  readonly value: string
  /** Seconds since 1970: from then on nothing that is covered could still be alive. */
  readonly until: number
  readonly account?: RevocationAccount
}

/** Tokens that are refused although they would verify. Keyed on verified claims, never on a token's text. */
export type Revocation =
  | (Common & { readonly kind: WholeKind })
  | (Common & {
      readonly kind: TimedKind
      /** Seconds since 1970: tokens with an `iat` up to here; of `sub` and `client` also those whose `auth_time` is up to here. */
      readonly issued_until: number
    })

/** A revocation before it has its id. */
export type RevocationFacts = Revocation extends infer R ? (R extends Revocation ? Omit<R, 'id'> : never) : never

/** The section `incidents` of the bulletin. */
export interface IncidentsSection {
  readonly revocations: readonly Revocation[]
  /** For gateways alone; not there where there are none. */
  readonly unlocks?: readonly Unlock[]
}

/** How many may be live at once. There is no room for one more then; none is ever dropped for it. */
export const revocationsMax = 10_000

/** No session of a provider lives longer than this, whatever is refreshed meanwhile. */
export const sessionSecondsMax = 30 * 86_400
/** The longest life of an access token that the settings can allow. */
export const tokenSecondsMax = 86_400
/** A key that was stolen signs until its provider lets go of it. */
export const keySecondsMax = 365 * 86_400
/** How far beyond the moment of the order `sub` and `client` reach: the clocks of provider and gateway are not the same. */
export const reachSeconds = 5

/** How long a revocation of a kind lasts that begins now, where no end of what it covers is known. Seconds since 1970. */
export function lastingUntil(kind: RevocationKind, nowSeconds: number): number {
  if (kind === 'kid') return nowSeconds + keySecondsMax
  return nowSeconds + (kind === 'jti' || kind === 'issuer' ? tokenSecondsMax : sessionSecondsMax)
}

/** Gives the facts their id. */
export function identifyRevocation(facts: RevocationFacts): Revocation {
  const issued = 'issued_until' in facts ? facts.issued_until : null
  const id = hash('sha256', JSON.stringify([facts.kind, facts.value, issued]), 'base64url').slice(0, 22)
  return { id, ...facts }
}

const wholeKinds: readonly unknown[] = ['jti', 'sid', 'kid'] satisfies readonly WholeKind[]
const timedKinds: readonly unknown[] = ['sub', 'client', 'issuer'] satisfies readonly TimedKind[]

/** True for a revocation of these types, whatever members it has beside. Untrusted input. */
export function isRevocation(value: unknown): value is Revocation {
  return isJsonObject(value) && isPlainText(value['id'], 64) && isRevocationFacts(value)
}

/** The same for one without an id. Untrusted input. */
export function isRevocationFacts(value: unknown): value is RevocationFacts {
  if (!isJsonObject(value)) return false
  const { kind, value: token, until, issued_until: issued, account } = value
  if (!isPlainText(token, 512) || !isCount(until) || !(account === undefined || isAccount(account))) return false
  return wholeKinds.includes(kind) ? issued === undefined : timedKinds.includes(kind) && isCount(issued)
}

function isAccount(value: unknown): boolean {
  if (!isJsonObject(value)) return false
  const { reason, by, at, sessions }: JsonObject = value
  const isKnown = sessions === undefined || sessions === 'ended' || sessions === 'pending'
  return isPlainText(reason, reasonCharactersMax) && isPlainText(by, 512) && isCount(at) && isKnown
}

export const reasonCharactersMax = 200

/** True for a section of this type. Untrusted input. */
export function isIncidentsSection(value: unknown): value is IncidentsSection {
  if (!isJsonObject(value)) return false
  const { revocations, unlocks } = value
  if (unlocks !== undefined && !isUnlocks(unlocks)) return false
  return Array.isArray(revocations) && revocations.length <= revocationsMax && revocations.every(isRevocation)
}
