import { PopError } from '@pop-api/module'

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const quoted = '"(?:[ !#-\\[\\]-~]|\\\\[ -~])*"'
const shape = new RegExp(`^${token}/${token}(?: *;(?: *${token}=(?:${token}|${quoted}))?)*$`)
const bytesMax = 256
const unlessTold = 'application/octet-stream'

/**
 * The media type that an object is kept with and given back with (RFC 9110, section 8.3.1). Throws `media-type-unsupported` for
 * a text that is none: an answer could not carry it, and the object would be one that nobody can read.
 */
export function contentTypeOf(field: string | undefined): string {
  if (field === undefined) return unlessTold
  if (field.length <= bytesMax && shape.test(field)) return field
  const wanted = `type/subtype; name=value, in at most ${bytesMax} characters of ASCII without tabs`
  throw new PopError('media-type-unsupported', `The Content-Type must be a media type: ${wanted}.`)
}
