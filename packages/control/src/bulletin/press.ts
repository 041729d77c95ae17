import {
  signBulletin,
  type BulletinChange,
  type BulletinPosition,
  type BulletinSections,
  type BulletinSnapshot,
  type SectionName,
  type TokenSigner,
} from '@pop-api/protocol'
import { openArchive } from './archive.ts'
import type { Audience } from './views.ts'

/** Told of each JWS of an audience, with its place. */
type BulletinListener = (jws: string, position: BulletinPosition) => void

/** Prints the bulletin: counts changes, keeps what it published, and signs what each audience may see (wire.md, bulletin). */
export interface Press {
  /** Publishes a section to all who see it. Durable before anybody is told. An unchanged value is no change. */
  readonly publish: <S extends SectionName>(section: S, value: BulletinSections[S]) => void
  readonly snapshot: (audience: Audience) => string
  /** Calls the listener with every further change and heartbeat of the audience. Gives what ends that. */
  readonly follow: (audience: Audience, listener: BulletinListener) => () => void
  /** A heartbeat for each audience that is followed; to be called each second. */
  readonly beat: () => void
  readonly position: () => BulletinPosition
  /** True if the follower has the last change of its audience. */
  readonly isLast: (audience: Audience, position: BulletinPosition) => boolean
  /** A follower that is ahead shows that this store is an older copy: it counts on in a higher epoch. */
  readonly outrun: (follower: BulletinPosition) => void
  [Symbol.dispose](): void
}

/** A restored store is a few epochs behind at most; a larger claim would only burn numbers. */
const epochsAheadMax = 16

/** Opens the press on a SQLite file; `:memory:` for none. */
export function openPress(path: string, signer: TokenSigner, nowMs: () => number): Press {
  const archive = openArchive(path)
  const followers = new Map<Audience, Set<BulletinListener>>()

  function headOf(audience: Audience, previous: number): Omit<BulletinSnapshot, 'sections'> {
    return {
      aud: audience,
      epoch: archive.position().epoch,
      sequence: archive.lastOf(audience),
      issued: nowMs(),
      previous,
    }
  }

  function deliver(audience: Audience, change: () => BulletinChange): void {
    const listeners = followers.get(audience)
    if (listeners === undefined || listeners.size === 0) return
    const claims = change()
    const jws = signBulletin(claims, signer)
    for (const listener of listeners) listener(jws, { epoch: claims.epoch, sequence: claims.sequence })
  }

  return {
    publish(section, value) {
      for (const { audience, previous } of archive.keep(section, value)) {
        // The view of a section has the section's type.
        deliver(
          audience,
          () => ({ ...headOf(audience, previous), section, value: archive.view(audience, section) }) as BulletinChange,
        )
      }
    },
    snapshot: (audience) =>
      signBulletin({ ...headOf(audience, archive.lastOf(audience)), sections: archive.views(audience) }, signer),
    follow(audience, listener) {
      const listeners = followers.get(audience) ?? new Set()
      followers.set(audience, listeners.add(listener))
      return () => listeners.delete(listener)
    },
    beat() {
      for (const audience of followers.keys()) {
        deliver(audience, () => ({ ...headOf(audience, archive.lastOf(audience)), section: 'heartbeat' }))
      }
    },
    position: archive.position,
    isLast: (audience, { epoch, sequence }) =>
      epoch === archive.position().epoch && sequence === archive.lastOf(audience),
    outrun(follower) {
      const { epoch, sequence } = archive.position()
      const ahead = follower.epoch > epoch || (follower.epoch === epoch && follower.sequence > sequence)
      if (ahead && follower.epoch <= epoch + epochsAheadMax) archive.raiseEpoch(follower.epoch + 1)
    },
    [Symbol.dispose]: () => archive[Symbol.dispose](),
  }
}
