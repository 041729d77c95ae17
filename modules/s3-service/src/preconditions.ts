import { PopError } from '@pop-api/module'
import type { ObjectInfo, Precondition } from './driver/object-driver.ts'

type Fields = Readonly<Record<string, string>>

/** RFC 9110, section 8.8.3: an entity tag, in a list. */
const tag = '(?:W/)?"[!#-~]*"'
const listShape = new RegExp(`^${tag}(?:[ \\t]*,[ \\t]*${tag})*$`)
const eachTag = new RegExp(tag, 'g')

/** `If-Match` and `If-None-Match` of a change (RFC 9110, section 13.1). Throws `precondition-failed`, or `parameter-invalid`. */
export function preconditionOf(headers: Fields): Precondition {
  const match = readTags(headers, 'if-match')
  const noneMatch = readTags(headers, 'if-none-match')
  return (present) => {
    if (match !== undefined && !matches(match, present, 'strong'))
      throw failed(present, 'The object is not the one of If-Match.')
    if (noneMatch !== undefined && matches(noneMatch, present, 'weak'))
      throw failed(present, 'The object is one of If-None-Match.')
  }
}

/** The same of a read; true where the client has it already. */
export function isUnchanged(headers: Fields, present: ObjectInfo): boolean {
  const match = readTags(headers, 'if-match')
  if (match !== undefined && !matches(match, present, 'strong'))
    throw failed(present, 'The object is not the one of If-Match.')
  const noneMatch = readTags(headers, 'if-none-match')
  return noneMatch !== undefined && matches(noneMatch, present, 'weak')
}

/**
 * Whether a `Range` means this very object (RFC 9110, section 13.1.5): else parts of two objects would be put together. A date is
 * never exact enough, so that it gets the whole.
 */
export function isRangeOf(headers: Fields, present: ObjectInfo): boolean {
  const condition = headers['if-range']
  return condition === undefined || condition === present.etag
}

function readTags(headers: Fields, name: string): readonly string[] | '*' | undefined {
  const value = headers[name]
  if (value === undefined || value === '*') return value
  if (!listShape.test(value))
    throw new PopError('parameter-invalid', `The field ${name} must be * or a list of entity tags.`)
  return value.match(eachTag) ?? []
}

/** A weak tag never is the same in a strong comparison (section 8.8.3.2); ours are strong. */
function matches(tags: readonly string[] | '*', present: ObjectInfo | undefined, how: 'strong' | 'weak'): boolean {
  if (present === undefined) return false
  if (tags === '*') return true
  return tags.some((text) => text === present.etag || (how === 'weak' && text === `W/${present.etag}`))
}

function failed(present: ObjectInfo | undefined, detail: string): PopError {
  const headers = present === undefined ? {} : { etag: present.etag }
  return new PopError('precondition-failed', detail, { headers })
}
