import type { Revocation } from '@pop-api/protocol'
import { settingsInForce } from '../settings/settings-desk.ts'
import { requiredNumber, requiredText, type Store } from '../store/store.ts'

// Which sessions at the provider have yet to be ended because they were revoked: kept until it is done, or the revocation is over.

/** A revocation behind which sessions are to be ended. */
export interface SessionEnd {
  /** Id of the revocation. */
  readonly revocation: string
  /** One session; or those of a user that began up to a moment, in seconds since 1970. */
  readonly target:
    | { readonly kind: 'session'; readonly id: string }
    | { readonly kind: 'user'; readonly id: string; readonly until: number }
}

const userSubject = /^user:(.+)$/

/**
 * Notes that sessions are to be ended, where there is a provider that can be asked for it: not the embedded one, which knows its sessions
 * ended by itself, and not what the provider itself has said. Runs inside a change.
 */
export function noteSessionEnd(store: Store, { id, kind, value, account }: Revocation): void {
  const { provider, issuer } = settingsInForce(store).identity
  if (provider !== 'keycloak' || account?.by === issuer) return
  if (kind !== 'sid' && !(kind === 'sub' && userSubject.test(value))) return
  store.database.prepare('insert into session_ends (revocation, tries) values (?, 0) on conflict do nothing').run(id)
}

/** The next ones to try: those first that failed least often. */
export function waitingSessionEnds({ database }: Store, countMax: number): readonly SessionEnd[] {
  const rows = database
    .prepare(
      'select r.id, r.kind, r.value, r.issued_until from session_ends e join revocations r on r.id = e.revocation ' +
        'where e.ended_at is null order by e.tries, r.at limit ?',
    )
    .all(countMax)
  return rows.map(({ id, kind, value, issued_until: until }) => {
    const revocation = requiredText(id)
    if (kind === 'sid') return { revocation, target: { kind: 'session', id: requiredText(value) } }
    const user = userSubject.exec(requiredText(value))?.[1] ?? ''
    return { revocation, target: { kind: 'user', id: user, until: requiredNumber(until) } }
  })
}

/** True while the sessions behind this revocation are to be ended. */
export function isSessionEndWaiting({ database }: Store, revocation: string): boolean {
  const select = 'select 1 from session_ends where revocation = ? and ended_at is null'
  return database.prepare(select).get(revocation) !== undefined
}

/** Notes what was done, and what failed. Runs inside a change. */
export function noteTried(
  { database }: Store,
  { ended, failed }: { readonly ended: readonly string[]; readonly failed: readonly string[] },
  nowSeconds: number,
): void {
  const done = database.prepare('update session_ends set ended_at = ? where revocation = ?')
  for (const revocation of ended) done.run(nowSeconds, revocation)
  const tried = database.prepare('update session_ends set tries = tries + 1 where revocation = ?')
  for (const revocation of failed) tried.run(revocation)
}

/** Forgets all that wait: the provider that knew them is in force no more. Runs inside a change. */
export function forgetSessionEnds({ database }: Store): void {
  database.exec('delete from session_ends where ended_at is null')
}
