import {
  indexRevocations,
  marksOfMaker,
  type BulletinPosition,
  type IncidentsSection,
  type Revocation,
  type RevocationFacts,
  type TokenMarks,
} from '@pop-api/protocol'
import type { Caller } from '../identify/caller.ts'
import { openOwnList, type OneUse, type OwnList } from './own-list.ts'
import { noteUnderWay, type UnderWay } from './under-way.ts'

/** Tokens that this gateway refuses although they would verify: by its own endpoints, and by what control tells everybody. */
export interface Revocations {
  /** To be asked at each use of a token. */
  readonly cover: (caller: Caller) => boolean
  /** The same of a key of the provider: what else it signs is not believed either. */
  readonly coversKey: (kid: string) => boolean
  readonly underWay: UnderWay
  /** Resolves once the revocations are on the disk and queued for control; they are in force before that. As `OwnList.add`. */
  readonly add: (facts: readonly RevocationFacts[], once?: OneUse) => Promise<'added' | 'used'>
  readonly queue: Pick<OwnList, 'waiting' | 'isFreshWaiting' | 'postpone' | 'acknowledge'>
  /** Every one in force, those of control first; of the own ones those that control has not taken over. */
  readonly list: () => readonly (Revocation & { readonly pending?: true })[]
  /** Puts what the bulletin says in force. */
  readonly apply: (section: IncidentsSection | undefined, position: BulletinPosition) => void
  /** Calls back whenever something may wait for control. */
  readonly onAdd: (listener: () => void) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** How many that wait for control are listed. */
const pendingMax = 1_000

/** Opens the list of a home. `failed` is told of what could not be written. Throws as `openOwnList`. */
export async function openRevocations(
  home: string,
  nowMs: () => number,
  failed: (failure: unknown) => void,
): Promise<Revocations> {
  const own = await openOwnList(home, nowMs)
  let told: readonly Revocation[] = []
  let index = indexRevocations(told)
  let comparing = Promise.resolve()
  const listeners = new Set<() => void>()
  const covers = (marks: TokenMarks): boolean => {
    const now = Math.floor(nowMs() / 1000)
    return index.covers(marks, now) || own.index().covers(marks, now)
  }
  const cover = (caller: Caller): boolean => {
    // Nothing is revoked most of the time, and this is asked at each request.
    if (index.isEmpty() && own.index().isEmpty()) return false
    return covers(marksOf(caller))
  }
  const underWay = noteUnderWay(cover, nowMs)
  const tellListeners = (): void => {
    for (const listener of listeners) listener()
  }
  return {
    cover,
    coversKey: (kid) => covers({ sub: '', issuer: '', kid }),
    underWay,
    add: async (facts, once) => {
      const adding = own.add(facts, once)
      underWay.cutRevoked()
      try {
        return await adding
      } finally {
        tellListeners()
      }
    },
    queue: own,
    list: () => [...told, ...own.waiting(pendingMax).map((revocation) => ({ ...revocation, pending: true as const }))],
    apply: (section, position) => {
      told = section?.revocations ?? []
      index = indexRevocations(told)
      underWay.cutRevoked()
      const ids = new Set(told.map(({ id }) => id))
      comparing = comparing.then(() => own.compare(ids, position)).then(tellListeners, failed)
    },
    onAdd: (listener) => void listeners.add(listener),
    [Symbol.asyncDispose]: async () => {
      await comparing
      await own[Symbol.asyncDispose]()
    },
  }
}

/** What a revocation can be about in a caller's token. */
export function marksOf({ subject, jti, sid, clientId, kid, issuer, iat, authTime, maker }: Caller): TokenMarks {
  const marks = { sub: subject, jti, sid, client: clientId, kid, issuer, iat, authTime }
  return maker === undefined ? marks : { ...marks, maker: marksOfMaker(maker) }
}
