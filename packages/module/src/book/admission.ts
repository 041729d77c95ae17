import type { Ownership } from '@pop-api/protocol'
import type { Resource } from './resource.ts'

/** `denied` may know that the resource is there, `unknown` may not even learn that. */
export type Admission = 'admitted' | 'denied' | 'unknown'

/** The ownerships of one permission in the scope of a Txn-Token (`kafka.consume:own kafka.consume:public`). */
export function ownershipsOf(scope: string, permission: string): readonly Ownership[] {
  const ownerships: Ownership[] = []
  for (const word of scope.split(' ')) {
    const colon = word.lastIndexOf(':')
    const ownership = word.slice(colon + 1)
    if (word.slice(0, colon) === permission && isOwnership(ownership)) ownerships.push(ownership)
  }
  return ownerships
}

/** Whether one of the ownerships takes in the resource. */
function covers(ownerships: readonly Ownership[], resource: Resource, subject: string): boolean {
  return ownerships.some(
    (ownership) =>
      ownership === 'any' ||
      (ownership === 'own' && resource.owner === subject) ||
      (ownership === 'public' && resource.visibility === 'public'),
  )
}

/**
 * Decides about one resource by the words of the operation's own permission. `reads` are the ownerships of the permissions
 * that read this kind: they never admit, they only tell a caller who may know of the resource from one who may not.
 */
export function admission(
  resource: Resource,
  subject: string,
  words: readonly Ownership[],
  reads: readonly Ownership[],
): Admission {
  if (covers(words, resource, subject)) return 'admitted'
  return covers(reads, resource, subject) ? 'denied' : 'unknown'
}

function isOwnership(text: string): text is Ownership {
  return text === 'any' || text === 'own' || text === 'public'
}
