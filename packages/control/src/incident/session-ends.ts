import { tokenSecondsMax, type Revocation } from '@pop-api/protocol'
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

/** The clocks of provider and gateways are not the same. */
const clockSeconds = 10

const userSubject = /^user:(.+)$/

/**
 * Notes that sessions are to be ended, where there is a provider that can be asked for it: not the embedded one, which knows its sessions
 * ended by itself, and not what the provider itself has said. What gateways say of a session needs to last no longer than any token, once
 * it is ended: whoever signs in and out without end would else fill the room. An order lasts as ordered. Runs inside a change.
 */
export function noteSessionEnd(
  store: Store,
  { id, kind, value, account }: Revocation,
  source: 'operator' | 'gateway',
): void {
  const { provider, issuer } = settingsInForce(store).identity
  if (provider !== 'keycloak' || account?.by === issuer) return
  if (kind !== 'sid' && !(kind === 'sub' && userSubject.test(value))) return
  const lasts = source === 'gateway' && kind === 'sid' ? tokenSecondsMax + clockSeconds : null
  store.database
    .prepare(
      'insert into session_ends (revocation, tries, lasts_seconds) values (?, 0, ?) ' +
        // An order before or after stays one: the greater of something and null is null.
        'on conflict do update set ended_at = null, lasts_seconds = max(lasts_seconds, excluded.lasts_seconds)',
    )
    .run(id, lasts)
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
  const shorten = database.prepare(
    'update revocations set until = min(until, ? + e.lasts_seconds) from session_ends e ' +
      'where revocations.id = ? and e.revocation = revocations.id and e.lasts_seconds is not null',
  )
  for (const revocation of ended) {
    done.run(nowSeconds, revocation)
    shorten.run(nowSeconds, revocation)
  }
  const tried = database.prepare('update session_ends set tries = tries + 1 where revocation = ?')
  for (const revocation of failed) tried.run(revocation)
}

/** Forgets all that wait: the provider that knew them is in force no more. Runs inside a change. */
export function forgetSessionEnds({ database }: Store): void {
  database.exec('delete from session_ends where ended_at is null')
}
