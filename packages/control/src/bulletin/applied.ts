import { isCount, isJsonObject, PopError, type BulletinPosition } from '@pop-api/protocol'
import { isAhead, type Publisher } from './bulletin.ts'
import type { Audience } from './views.ts'

/** What each follower last said that it applied, by SPIFFE ID. In memory: after a restart they say it again. */
export type Followers = Map<string, BulletinPosition & { readonly atMs: number }>

interface AppliedReport {
  readonly position: BulletinPosition
  /** The JWS that has this position, from a follower that finds control behind it. */
  readonly proof: string | undefined
}

/** Reads `POST /bulletin/applied`. Throws `body-invalid`. Untrusted input. */
export function parseApplied(value: unknown): AppliedReport {
  const { epoch, sequence, proof } = isJsonObject(value) ? value : {}
  if (!isCount(epoch) || !isCount(sequence) || (proof !== undefined && typeof proof !== 'string')) {
    throw new PopError('body-invalid', 'The body must have epoch and sequence as whole numbers.')
  }
  return { position: { epoch, sequence }, proof }
}

/**
 * Notes what a follower applied. One that is ahead of control (a restored store) is believed only with control's own signature,
 * and then a higher epoch is opened; without it the report is refused with `workload-refused`.
 */
export function noteApplied(
  publisher: Publisher,
  followers: Followers,
  who: { readonly audience: Audience; readonly spiffeId: string },
  { position, proof }: AppliedReport,
  atMs: number,
): void {
  if (isAhead(position, publisher.position(who.audience))) {
    const proved = proof !== undefined && publisher.overtake(who.audience, position, proof)
    if (!proved) throw new PopError('workload-refused', 'This position is ahead of control and is not proved.')
    return
  }
  followers.set(who.spiffeId, { ...position, atMs })
}
