import type { DatabaseSync } from 'node:sqlite'

/** Access tokens that were revoked one by one; each is remembered until it would have expired. */
export interface RevokedTokens {
  /** `expiresMs`: milliseconds since 1970. */
  add(jti: string, expiresMs: number): void
  has(jti: string): boolean
  purge(): void
}

/** `now` gives milliseconds since 1970. */
export function revokedTokens(database: DatabaseSync, now: () => number): RevokedTokens {
  const add = database.prepare('insert or ignore into revoked_token (jti, expires_ms) values (?, ?)')
  const has = database.prepare('select 1 from revoked_token where jti = ?')
  const dropExpired = database.prepare('delete from revoked_token where expires_ms <= ?')
  return {
    add(jti, expiresMs) {
      add.run(jti, expiresMs)
    },
    has: (jti) => has.get(jti) !== undefined,
    purge() {
      dropExpired.run(now())
    },
  }
}
