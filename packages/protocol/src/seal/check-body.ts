import { contentDigest } from '../digest/content-digest.ts'
import { refused } from '../verdict.ts'
import type { FlatFields, HeadStream, Refusal } from './terms.ts'

interface CheckedHead {
  readonly digest: string | undefined
  readonly stream: HeadStream | undefined
}

/**
 * Compares a body with the covered digest of its head. A message with at least one body byte has a digest, one without has
 * none, and there are no trailers. Refuses with `seal-body`.
 */
export function checkBody(
  { digest, stream }: CheckedHead,
  body: Uint8Array,
  rawTrailers: FlatFields,
): Refusal | undefined {
  if (stream !== undefined) return refused('seal-body', 'The body is streamed: its end has to be verified.')
  if (rawTrailers.length > 0) return refused('seal-body', 'The message has trailers that no seal covers.')
  if (body.length === 0) {
    return digest === undefined ? undefined : refused('seal-body', 'The head has a digest of a body that is not there.')
  }
  if (digest === undefined) return refused('seal-body', 'The message has a body without a digest.')
  return digest === contentDigest(body) ? undefined : refused('seal-body', 'The body is not the one that was sealed.')
}
