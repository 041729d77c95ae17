import type { DatabaseSync } from 'node:sqlite'

/** The second factors that users set up themselves, at their first sign-in in a browser. */
export interface SecondFactors {
  /** The TOTP secret of an account, base32; undefined for one that has set up none. */
  find(accountId: string): string | undefined
  /** Keeps a secret that has proven itself by a code. False, and nothing is changed, where the account has one already. */
  keep(accountId: string, secret: string, enrolledMs: number): boolean
}

export function secondFactors(database: DatabaseSync): SecondFactors {
  const find = database.prepare('select totp_secret from second_factor where account_id = ?')
  const keep = database.prepare(
    'insert or ignore into second_factor (account_id, totp_secret, enrolled_ms) values (?, ?, ?)',
  )
  return {
    find(accountId) {
      const secret = find.get(accountId)?.['totp_secret']
      return typeof secret === 'string' ? secret : undefined
    },
    keep: (accountId, secret, enrolledMs) => Number(keep.run(accountId, secret, enrolledMs).changes) === 1,
  }
}
