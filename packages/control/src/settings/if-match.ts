import { PopError } from '@pop-api/protocol'

const listShape = /^[ \t]*(?:W\/)?"[\u0021\u0023-\u007e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\u0021\u0023-\u007e]*")*[ \t]*$/

/**
 * Throws `precondition-failed` unless `If-Match` names the present tag (RFC 9110 section 13.1.1): compared strongly, so a weak tag
 * never does. A request without the field goes on. Throws `parameter-invalid` for what is no list of tags. Untrusted input.
 */
export function requireMatch(field: string | undefined, present: string): void {
  if (field === undefined || field.trim() === '*') return
  if (!listShape.test(field)) {
    throw new PopError(
      'parameter-invalid',
      'If-Match must be * or entity tags in quotes, as the ETag of GET gave them.',
    )
  }
  const tags: readonly string[] = field.match(/(?:W\/)?"[^"]*"/g) ?? []
  if (tags.includes(present)) return
  throw new PopError(
    'precondition-failed',
    `The settings are not those of If-Match: expected ${present}. Read them again.`,
  )
}
