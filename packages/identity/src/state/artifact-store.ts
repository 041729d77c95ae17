import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { isJsonObject } from '@pop-api/protocol'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { transact } from '@pop-api/workload'

/** The provider's own objects (grants, refresh tokens and the rest), each a row that outlives the process. */
export interface ArtifactStore {
  /** The store of one model of oidc-provider. */
  adapter(model: string): Adapter
  /** Ends a session: its grant and every token that was kept for it. False when there was none any more. */
  endSession(grantId: string): boolean
  /** Ends every session that was begun in a browser, by the `uid` of the browser's session. */
  endBrowserSession(uid: string): void
  /** Forgets the session of a browser and nothing else; its sessions at applications go on. */
  forgetBrowserSession(uid: string): void
  /** Removes what has expired. */
  purge(): void
}

/**
 * `now` gives milliseconds since 1970; `invalidGrant` makes the error for a token that was spent by somebody else meanwhile, and for
 * one of a session that has ended meanwhile; it is told the session that was ended for it.
 */
export function artifactStore(
  database: DatabaseSync,
  now: () => number,
  invalidGrant: (detail: string, ended?: string) => Error,
): ArtifactStore {
  const dropGrant = database.prepare("delete from artifact where model = 'Grant' and id_hash = ?")
  const dropMembers = database.prepare('delete from artifact where grant_id = ?')
  const dropExpired = database.prepare('delete from artifact where expires_ms <= ?')
  const dropBrowserSession = database.prepare("delete from artifact where model = 'Session' and uid = ?")
  const begunIn = database.prepare(
    "select distinct grant_id from artifact where grant_id is not null and payload ->> '$.sessionUid' = ?",
  )
  const endSession = (grantId: string): boolean =>
    transact(database, () => {
      const { changes } = dropGrant.run(hashOf(grantId))
      dropMembers.run(grantId)
      return Number(changes) > 0
    })
  return {
    adapter: (model) => modelAdapter({ database, model, now, invalidGrant, endSession }),
    endSession,
    endBrowserSession(uid) {
      for (const { grant_id: grantId } of begunIn.all(uid)) endSession(String(grantId))
    },
    forgetBrowserSession(uid) {
      dropBrowserSession.run(uid)
    },
    purge() {
      dropExpired.run(now())
    },
  }
}

interface ModelOptions {
  readonly database: DatabaseSync
  readonly model: string
  readonly now: () => number
  readonly invalidGrant: (detail: string, ended?: string) => Error
  readonly endSession: (grantId: string) => boolean
}

function modelAdapter({ database, model, now, invalidGrant, endSession }: ModelOptions): Adapter {
  const columns = 'model, id_hash, grant_id, uid, user_code, payload, expires_ms'
  const upsert = database.prepare(
    `insert or replace into artifact (${columns}) select ?, ?, ?, ?, ?, ?, ? where ? is null or exists
     (select 1 from artifact where model = 'Grant' and id_hash = ? and expires_ms > ?)`,
  )
  const destroy = database.prepare('delete from artifact where model = ? and id_hash = ?')
  const dropMembers = database.prepare('delete from artifact where model = ? and grant_id = ?')
  const spend = database.prepare(
    'update artifact set consumed = ? where model = ? and id_hash = ? and consumed is null returning id_hash',
  )
  const grantOf = database.prepare('select grant_id from artifact where model = ? and id_hash = ?')
  const find = (column: 'id_hash' | 'uid' | 'user_code', value: string): AdapterPayload | undefined => {
    const query = `select payload, consumed from artifact where model = ? and ${column} = ? and expires_ms > ?`
    return payloadOf(database.prepare(query).get(model, value, now()))
  }
  return {
    async upsert(id, payload, expiresInSeconds) {
      const expiresMs = now() + (expiresInSeconds ?? lifeSecondsUnlessTold) * 1000
      const { grantId, uid, userCode } = payload
      // The id of a token is the token: only its hash is kept, so that a copy of the file is no set of live tokens.
      // A device code is found by what a person types, and is kept again under its own id then: it stays for its ten minutes.
      const kept = JSON.stringify(model === 'DeviceCode' ? payload : withoutIds(payload, id))
      const row = [model, hashOf(id), grantId ?? null, uid ?? null, userCode ?? null, kept, expiresMs]
      // A refresh that began before its session was ended must not leave a token of it behind.
      const { changes } = upsert.run(...row, grantId ?? null, hashOf(grantId ?? ''), now())
      if (changes === 0) throw invalidGrant('the session has ended')
    },
    async find(id) {
      const found = find('id_hash', hashOf(id))
      return found === undefined ? undefined : withId(found, id)
    },
    findByUid: async (uid) => find('uid', uid),
    findByUserCode: async (userCode) => find('user_code', userCode),
    async destroy(id) {
      destroy.run(model, hashOf(id))
    },
    async consume(id) {
      if (spend.get(Math.floor(now() / 1000), model, hashOf(id)) !== undefined) return
      // Two uses at once: the provider saw both before either was spent. The second is a replay (RFC 9700 section 4.14.2).
      const grantId = grantOf.get(model, hashOf(id))?.['grant_id']
      if (typeof grantId !== 'string') throw invalidGrant('token or code already used')
      endSession(grantId)
      throw invalidGrant('token or code already used', grantId)
    },
    async revokeByGrantId(grantId) {
      dropMembers.run(model, grantId)
    },
  }
}

const lifeSecondsUnlessTold = 24 * 60 * 60

/** A sign-in at the pages also names the value of a cookie, which is a session itself, and a way back that ends in its own id. */
function withoutIds(payload: AdapterPayload, id: string): object {
  const { jti: _jti, session, returnTo, ...others } = payload
  const way = typeof returnTo === 'string' ? { returnTo: withoutEnd(returnTo, id) } : {}
  if (!isJsonObject(session)) return { ...others, ...way }
  const { cookie: _cookie, ...facts } = session
  return { ...others, ...way, session: facts }
}

function withoutEnd(text: string, end: string): string {
  if (text.endsWith(end)) return text.slice(0, -end.length)
  throw new TypeError('The way back from a sign-in does not end in its id.')
}

function withId(payload: AdapterPayload, id: string): AdapterPayload {
  const { returnTo } = payload
  return { ...payload, ...(typeof returnTo === 'string' ? { returnTo: returnTo + id } : {}), jti: id }
}

function hashOf(id: string): string {
  return hash('sha256', id, 'base64url')
}

function payloadOf(row: Record<string, unknown> | undefined): AdapterPayload | undefined {
  if (row === undefined) return undefined
  const { payload, consumed } = row
  const parsed: unknown = typeof payload === 'string' ? JSON.parse(payload) : undefined
  if (!isJsonObject(parsed)) throw new TypeError('A row of state.db does not hold an object.')
  return consumed === null ? parsed : { ...parsed, consumed }
}
