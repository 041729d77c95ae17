import {
  importKeyRecord,
  signBulletin,
  verifyBulletin,
  type BulletinChange,
  type BulletinPosition,
  type BulletinSections,
  type KeyRecord,
  type TokenSigner,
} from '@pop-api/protocol'
import { publicKeyOf } from '../authority/authority.ts'
import type { Store } from '../store/store.ts'
import {
  countChanges,
  projectView,
  readPosition,
  setPosition,
  viewSequence,
  type Audience,
  type UnsentChange,
} from './views.ts'

/** One signed message, ready for the stream: `id` is `EPOCH.N`. */
export interface Message {
  readonly id: string
  readonly jws: string
}

export interface BulletinOptions {
  readonly store: Store
  readonly signer: TokenSigner
  /** The present sections; called inside transactions, so it must not wait. */
  readonly sections: () => Partial<BulletinSections>
  readonly nowMs: () => number
}

/** Control's side of the bulletin: counts, signs and tells. */
export interface Publisher {
  /** Runs a change of state and counts what it changed in one transaction, then tells whoever listens. */
  readonly change: <T>(work: () => T) => T
  readonly snapshot: (audience: Audience) => string
  readonly heartbeat: (audience: Audience) => Message
  readonly position: (audience: Audience) => BulletinPosition
  /** Calls `tell` for each message to the audience from now on; gives the way to stop. */
  readonly listen: (audience: Audience, tell: (message: Message) => void) => () => void
  /** Tells everybody who listens that nothing changed. To be called each second. */
  readonly beat: () => void
  /** Opens a higher epoch if the JWS proves that its holder is ahead of this store; false when it does not. Untrusted input. */
  readonly overtake: (audience: Audience, claimed: BulletinPosition, proof: string) => boolean
}

/** Makes the publisher of a store. */
export function createPublisher({ store, signer, sections, nowMs }: BulletinOptions): Publisher {
  const listeners = new Map<Audience, Set<(message: Message) => void>>()
  const ownKey = requireKey(signer)
  let lastIssued = 0
  // Strictly rising, also within one millisecond: "the same position, later issued" is how a follower tells news from a replay.
  const issue = (): number => (lastIssued = Math.max(nowMs(), lastIssued + 1))
  const position = (audience: Audience): BulletinPosition => ({
    epoch: readPosition(store).epoch,
    sequence: viewSequence(store, audience),
  })
  const sign = (change: BulletinChange): Message => ({
    id: `${change.epoch}.${change.sequence}`,
    jws: signBulletin(change, signer),
  })
  const heartbeat = (aud: Audience): Message => {
    const { epoch, sequence } = position(aud)
    return sign({ aud, epoch, sequence, previous: sequence, issued: issue(), section: 'heartbeat' })
  }
  const tell = (audience: Audience, make: () => Message): void => {
    const present = listeners.get(audience)
    if (present === undefined || present.size === 0) return
    const message = make()
    for (const listener of present) listener(message)
  }
  const beat = (): void => {
    for (const audience of listeners.keys()) tell(audience, () => heartbeat(audience))
  }
  return {
    position,
    heartbeat,
    beat,
    change: (work) => {
      let changes: readonly UnsentChange[] = []
      const result = store.transact(() => {
        const done = work()
        changes = countChanges(store, sections())
        return done
      })
      // `UnsentChange` lacks only the time that is added here.
      for (const change of changes) tell(change.aud, () => sign({ ...change, issued: issue() } as BulletinChange))
      return result
    },
    snapshot: (aud) => {
      const { epoch, sequence } = position(aud)
      const view = projectView(aud, sections())
      return signBulletin({ aud, epoch, sequence, previous: sequence, issued: issue(), sections: view }, signer)
    },
    listen: (audience, listener) => {
      const present = listeners.get(audience) ?? new Set()
      listeners.set(audience, present.add(listener))
      return () => {
        present.delete(listener)
        if (present.size === 0 && listeners.get(audience) === present) listeners.delete(audience)
      }
    },
    overtake: (audience, claimed, proof) => {
      const verdict = verifyBulletin(proof, ownKey, { audience })
      if (!verdict.ok || !samePosition(verdict.value, claimed)) return false
      if (isAhead(claimed, position(audience))) {
        store.transact(() => {
          const own = readPosition(store)
          setPosition(store, Math.max(own.epoch, claimed.epoch) + 1, Math.max(own.sequence, claimed.sequence))
        })
        beat()
      }
      return true
    },
  }
}

/** True if `one` is a later position than `other`: epoch first. */
export function isAhead(one: BulletinPosition, other: BulletinPosition): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.sequence > other.sequence)
}

function samePosition(one: BulletinPosition, other: BulletinPosition): boolean {
  return one.epoch === other.epoch && one.sequence === other.sequence
}

function requireKey(signer: TokenSigner): KeyRecord {
  const record = importKeyRecord(publicKeyOf(signer).jwk)
  if (record === undefined) throw new Error('The key of the bulletin is not usable.')
  return record
}
