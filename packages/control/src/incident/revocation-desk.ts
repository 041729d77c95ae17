import {
  identifyRevocation,
  indexRevocations,
  isRevocation,
  marksOfTxn,
  PopError,
  revocationsMax,
  type IncidentsSection,
  type Revocation,
  type RevocationAccount,
  type RevocationFacts,
  type TxnClaims,
} from '@pop-api/protocol'
import { requiredNumber, requiredText, type Store } from '../store/store.ts'
import { noteSessionEnd } from './session-ends.ts'
import { readUnlocks } from './unlock-desk.ts'

/** A revocation as control keeps it: always with its account. */
export type KeptRevocation = Revocation & { readonly account: RevocationAccount }

/** So many of them only an operator may fill: whoever signs in and out without end leaves room for what matters most. */
const operatorsShare = 1_000

/** How many may be live where this source asks for one more. */
export function roomOf(source: 'operator' | 'gateway'): number {
  return source === 'operator' ? revocationsMax : revocationsMax - operatorsShare
}

/** Each with what has become of the sessions behind it, where there is somebody to end them. */
const selectAll =
  "select r.*, case when e.revocation is null then null when e.ended_at is null then 'pending' else 'ended' end as sessions " +
  'from revocations r left join session_ends e on e.revocation = r.id'

/** Every live one. Ended ones stay until they are swept; nothing that they cover could be alive. */
function liveRevocations({ database }: Store): readonly KeptRevocation[] {
  return database.prepare(`${selectAll} order by r.at, r.id`).all().map(revocationOf)
}

/** The section of the bulletin. */
export function readIncidents(store: Store): IncidentsSection {
  const unlocks = readUnlocks(store)
  return { revocations: liveRevocations(store), ...(unlocks.length === 0 ? {} : { unlocks }) }
}

/**
 * Puts one in force, or prolongs the one that is the same. Throws `incidents-full` where there is no room: none is dropped for
 * another. Runs inside a change.
 */
export function putRevocation(
  store: Store,
  facts: RevocationFacts & { readonly account: RevocationAccount },
  source: 'operator' | 'gateway',
): KeptRevocation {
  const { database } = store
  const { id } = identifyRevocation(facts)
  const { kind, value, until, account } = facts
  if (!isLive(store, id) && countRevocations(store) >= roomOf(source)) throw full()
  const issued = 'issued_until' in facts ? facts.issued_until : null
  database
    .prepare(
      'insert into revocations values (?, ?, ?, ?, ?, ?, ?, ?) ' +
        'on conflict (id) do update set until = max(until, excluded.until)',
    )
    .run(id, kind, value, issued, until, account.reason, account.by, account.at)
  noteSessionEnd(store, { id, ...facts }, source)
  return requireRevocation(store, id)
}

/** Takes one back; undefined when there is none of this id. Runs inside a change. */
export function takeBackRevocation(store: Store, id: string): KeptRevocation | undefined {
  if (!isLive(store, id)) return undefined
  const revocation = requireRevocation(store, id)
  store.database.prepare('delete from revocations where id = ?').run(id)
  return revocation
}

function requireRevocation({ database }: Store, id: string): KeptRevocation {
  return revocationOf(database.prepare(`${selectAll} where r.id = ?`).get(id))
}

/** Ids of others about the same: what is still refused once one was taken back. */
export function othersAbout({ database }: Store, { kind, value }: Revocation): readonly string[] {
  const rows = database.prepare('select id from revocations where kind = ? and value = ?').all(kind, value)
  return rows.map(({ id }) => requiredText(id))
}

/** Removes what has ended. Runs inside a change. */
export function sweepRevocations({ database }: Store, nowSeconds: number): void {
  database.prepare('delete from revocations where until <= ?').run(nowSeconds)
}

/** True if there is something to sweep. */
export function hasEnded({ database }: Store, nowSeconds: number): boolean {
  return database.prepare('select 1 from revocations where until <= ? limit 1').get(nowSeconds) !== undefined
}

export function isLive({ database }: Store, id: string): boolean {
  return database.prepare('select 1 from revocations where id = ?').get(id) !== undefined
}

export function countRevocations({ database }: Store): number {
  return requiredNumber(database.prepare('select count(*) as count from revocations').get()?.['count'])
}

/** How many are live of this kind and by the same. */
export function countOf({ database }: Store, { kind, account }: RevocationFacts): number {
  const select = 'select count(*) as count from revocations where kind = ? and by = ?'
  return requiredNumber(database.prepare(select).get(kind, account?.by ?? null)?.['count'])
}

/** True if the caller behind a Txn-Token is revoked: a gateway that has not heard of it yet may still hand something on. */
export function isRevoked(store: Store, claims: TxnClaims, nowSeconds: number): boolean {
  return indexRevocations(liveRevocations(store)).covers(marksOfTxn(claims), nowSeconds)
}

function full(): PopError {
  const detail = `Control keeps at most ${revocationsMax} revocations, and none is dropped for another.`
  return new PopError('incidents-full', detail, { headers: { 'retry-after': '60' } })
}

function revocationOf(row: Readonly<Record<string, unknown>> | undefined): KeptRevocation {
  const { id, kind, value, issued_until: issued, until, reason, by, at, sessions } = row ?? {}
  const known = sessions === null ? {} : { sessions }
  const account = { reason: requiredText(reason), by: requiredText(by), at: requiredNumber(at), ...known }
  const read: unknown = { id, kind, value, ...(issued === null ? {} : { issued_until: issued }), until, account }
  // Its account was just put in.
  if (isRevocation(read)) return read as KeptRevocation
  throw new Error('The database holds something else than its schema says.')
}
