import type { KeyObject } from 'node:crypto'
import { keyIdOf } from '@pop-api/keyring'
import { PopError, type KeyState, type TrustSection } from '@pop-api/protocol'
import { publicJwk } from '../authority/authority.ts'
import { requiredText, type Store } from '../store/store.ts'

/** A Txn-Token lives 60 s; a replaced key verifies that long, and as much again for clocks and followers that lag. */
const retiringMs = 120_000

/**
 * Lists a gateway's Txn-Token key as active. Another key that it had before retires; retired ones vanish in time. Throws
 * `enrolment-refused` for a key that another gateway has, or that is distrusted.
 */
export function putTxnKey({ database }: Store, owner: string, key: KeyObject, nowMs: number): void {
  const kid = keyIdOf(key)
  database
    .prepare(`update txn_keys set state = 'retiring', since_ms = ? where owner = ? and kid <> ? and state = 'active'`)
    .run(nowMs, owner, kid)
  database.prepare(`delete from txn_keys where state = 'retiring' and since_ms < ?`).run(nowMs - retiringMs)
  database
    .prepare(
      `insert into txn_keys values (?, ?, ?, 'active', ?) on conflict (kid) do update set state = 'active'
       where owner = excluded.owner and state = 'retiring'`,
    )
    .run(kid, owner, JSON.stringify(publicJwk(key)), nowMs)
  const row = database.prepare('select owner, state from txn_keys where kid = ?').get(kid)
  if (row?.['owner'] !== owner || row['state'] !== 'active') {
    throw new PopError('enrolment-refused', '"txn_jwk" is the key of another gateway, or it is distrusted.')
  }
}

/** The Txn-Token keys of the trust section. */
export function txnKeys({ database }: Store): TrustSection['txn_keys'] {
  return database
    .prepare('select kid, owner, jwk, state from txn_keys order by kid')
    .all()
    .map((row) => ({
      kid: requiredText(row['kid']),
      owner: requiredText(row['owner']),
      // Both columns are only ever written by `putTxnKey`.
      state: requiredText(row['state']) as KeyState,
      jwk: JSON.parse(requiredText(row['jwk'])) as TrustSection['txn_keys'][number]['jwk'],
    }))
}
