import type { KeyObject } from 'node:crypto'
import type { FieldValues } from '../signature/message.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { sealLabel } from './names.ts'
import type { HeadStream } from './terms.ts'

const lengthShape = /^(?:0|[1-9][0-9]{0,14})$/

/** A `Pop-Length`; undefined for none, and for one that is no plain decimal number. */
export function readLength(value: string | undefined): number | undefined {
  return value !== undefined && lengthShape.test(value) ? Number(value) : undefined
}

/**
 * What a verified head says of a streamed body; undefined where there is none. Refuses with `seal-body` a kind that is not taken
 * here, a digest beside it, and a length that is none or belongs to nothing.
 */
export function readStream(
  fields: FieldValues,
  key: KeyObject,
  takes: (kind: 'trailer' | 'open') => boolean,
): Verdict<HeadStream | undefined> {
  const kind = fields.get('pop-body')
  const length = fields.get('pop-length')
  if (kind === undefined) {
    return length === undefined ? accepted(undefined) : refused('seal-body', 'There is a length of no streamed body.')
  }
  if ((kind !== 'trailer' && kind !== 'open') || !takes(kind))
    return refused('seal-body', 'This operation takes no such streamed body.')
  if (fields.has('content-digest')) return refused('seal-body', 'A streamed body has no digest in its head.')
  const lengthBytes = readLength(length)
  if (length !== undefined && (lengthBytes === undefined || kind === 'open'))
    return refused('seal-body', 'Pop-Length is not the length of this body.')
  // The signature was taken apart before: it is the one member, and nothing else is in the field.
  const signature = (fields.get('signature') ?? '').slice(sealLabel.length + 1)
  return accepted({ stream: kind, lengthBytes, signature, key })
}
