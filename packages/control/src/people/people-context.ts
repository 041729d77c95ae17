import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { factsOfRequest, PopError, type BulletinPosition } from '@pop-api/protocol'
import { requireUnrevoked, type Handed, type HandedContext } from '../handed/handed.ts'
import { eventOfHanded } from '../handed/handed-event.ts'
import type { KeptRevocation } from '../incident/revocation-desk.ts'
import { putUnlocks } from '../incident/unlock-desk.ts'
import { putRevocation } from '../incident/revocation-desk.ts'
import { subjectOf, type Person } from './person.ts'

/** An operation on people, as a gateway has handed it on. */
export interface PeopleRequest {
  readonly context: HandedContext
  readonly handed: Handed
  /** The word of the audit event. */
  readonly action: string
  /** Username or id, as whoever asks gave it; `-` where the operation is about nobody yet. Untrusted. */
  readonly name: string
}

/** What the audit log is told on the way. */
export interface Account {
  /** Whom it is about, as soon as that is known: from then on the log names the id. */
  readonly about: (person: Pick<Person, 'id'>) => void
  /** Puts the opening event of a change on the disk. Nothing is changed before it resolves. Throws `audit-unavailable`. */
  readonly announce: (reason?: string) => Promise<void>
  /** What the closing event says was done. */
  readonly tell: (text: string) => void
}

/** Does the work and records how it ended, before anybody is told. Throws what the work throws, and `audit-unavailable`. */
export async function withAccount<R>(
  { context, handed, action, name }: PeopleRequest,
  work: (account: Account) => Promise<R>,
): Promise<R> {
  const { log } = context
  let event = { ...eventOfHanded(handed), action, resource_id: name.slice(0, 255) }
  let said: { readonly reason?: string } = {}
  let outcome: 'nothing' | 'unknown' = 'nothing'
  const account: Account = {
    about: ({ id }) => void (event = { ...event, resource_id: subjectOf({ id }) }),
    announce: async (reason) => {
      await log.record({ ...event, ...(reason === undefined ? {} : { reason }), status: 'opened' }, 'nothing')
      outcome = 'unknown'
    },
    tell: (reason) => void (said = { reason }),
  }
  try {
    const result = await work(account)
    await log.record({ ...event, ...said, status: 'success', code: 200 }, outcome)
    return result
  } catch (failure) {
    if (failure instanceof PopError && failure.code === 'audit-unavailable') throw failure
    const { status: code, code: reason } = failure instanceof PopError ? failure : { status: 500, code: 'internal' }
    await log.record({ ...event, status: code < 500 ? 'refused' : 'failure', code, reason }, outcome)
    throw failure
  }
}

/**
 * Asks Keycloak for what may leave somebody no operator, when nothing of the kind is under way: who was revoked meanwhile does no more
 * of it. As nobody does it to himself, one operator stays. Throws `token-revoked`, `identity-unavailable` where the wait is too long.
 */
export async function takeRights<R>(
  { context, handed }: PeopleRequest,
  work: (keycloak: KeycloakAdminClient) => Promise<R>,
): Promise<R> {
  return await context.takeRightsInTurn(() => {
    requireUnrevoked(context, handed.claims)
    return context.askKeycloak(work)
  })
}

/** Revokes what a person holds: in force here, and told to every gateway and module, when it returns. Throws `incidents-full`. */
export function revokeAll({ context, handed }: PeopleRequest, person: Person, reason: string): KeptRevocation {
  const { store, publisher, nowMs } = context
  const at = Math.floor(nowMs() / 1000)
  const facts = factsOfRequest({ kind: 'sub', value: subjectOf(person), reason, dry_run: false }, at)
  const account = { reason, by: handed.claims.sub, at }
  return publisher.change(() => putRevocation(store, { ...facts, account }, 'operator'))
}

/** Has every gateway forget the failed sign-ins that it counts under the names of a person. */
export function forgetFailures({ context }: PeopleRequest, { username, email }: Person): void {
  const { store, publisher, nowMs } = context
  publisher.change(() => putUnlocks(store, email === undefined ? [username] : [username, email], nowMs()))
}

/** So much of the reach of a revocation is left for clocks that are not the same. */
const marginSeconds = 2

/** The same once more, where what had to happen at Keycloak took so long that somebody may have signed in behind the first. */
export function revokeAgainIfLate(request: PeopleRequest, person: Person, first: KeptRevocation): KeptRevocation {
  const reaches = 'issued_until' in first ? first.issued_until : 0
  if (Math.floor(request.context.nowMs() / 1000) + marginSeconds <= reaches) return first
  return revokeAll(request, person, first.account.reason)
}

/** What whoever asked is told of a person who was signed out. */
export interface SignedOut {
  readonly revocation: KeptRevocation
  /** Whether Keycloak has ended the sessions; `pending`: control goes on trying. */
  readonly sessions: 'ended' | 'pending'
}

/** Waits a moment for the sessions behind a revocation to be ended. */
export async function signedOut({ context }: PeopleRequest, revocation: KeptRevocation): Promise<SignedOut> {
  const sessions = await context.sessionEnder.settle(revocation.id)
  return { revocation: { ...revocation, account: { ...revocation.account, sessions } }, sessions }
}

/** The position of the gateways' view from which on everything is in force that was done until now. */
export function positionOf({ context }: PeopleRequest): { readonly position: BulletinPosition } {
  return { position: context.publisher.position('gateways') }
}

/** Throws `conflict` where an operator would lock himself out; `what` completes "You cannot". */
export function refuseSelf({ handed }: PeopleRequest, person: Person, what: string): void {
  if (handed.claims.sub !== subjectOf(person)) return
  throw new PopError('conflict', `You cannot ${what} yourself: another operator can.`)
}
