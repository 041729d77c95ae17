import { PopError } from '@pop-api/protocol'

/** More fields than any client of ours sends; the size of the section is bounded by the server. */
const fieldsMax = 100

/** Fields that are lists by definition: several lines are one list (RFC 9110, section 5.3). Every other name comes once. */
const listFields: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'forwarded',
  'if-match',
  'if-none-match',
  'pragma',
  'tracestate',
  'via',
  'x-forwarded-for',
])

const nameShape = /^[a-z0-9-]+$/
const valueShape = /^[\t\u0020-\u007e]*$/
const hostShape = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i
const connectionOptions: ReadonlySet<string> = new Set(['keep-alive', 'close'])

/**
 * Walks the raw fields once. Refuses with `ambiguous-header` names outside `[a-z0-9-]` (an underscore or a dot is a hyphen to some
 * reader), repeated singletons, and values that are not printable ASCII; with `headers-too-large` more than 100 fields.
 */
export function readFields(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  if (rawHeaders.length > fieldsMax * 2) {
    throw new PopError('headers-too-large', `At most ${fieldsMax} header fields are accepted.`)
  }
  const fields = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    if (!nameShape.test(name))
      throw new PopError('ambiguous-header', 'A field name has a character besides letters, digits and hyphens.')
    if (!valueShape.test(value))
      throw new PopError('ambiguous-header', `The field ${name} has a character that is not printable ASCII.`)
    const present = fields.get(name)
    if (present !== undefined && !listFields.has(name)) {
      throw new PopError(
        framingFields.has(name) ? 'ambiguous-framing' : 'ambiguous-header',
        `The field ${name} is there more than once.`,
      )
    }
    fields.set(name, present === undefined ? value : `${present}, ${value}`)
  }
  return fields
}

const framingFields: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding'])

/** Refuses fields that ask for another protocol, name other fields as hop-by-hop, or do not name one host. */
export function checkConnectionFields(fields: ReadonlyMap<string, string>): void {
  const host = fields.get('host')
  if (host === undefined) throw new PopError('ambiguous-header', 'The field host is missing.')
  if (!hostShape.test(host))
    throw new PopError('ambiguous-header', 'The field host is not one host name with an optional port.')
  if (fields.has('upgrade') || fields.has('http2-settings'))
    throw new PopError('upgrade-refused', 'This address speaks HTTP/1.1 only.')
  for (const option of (fields.get('connection') ?? 'keep-alive').split(',')) {
    if (!connectionOptions.has(option.trim().toLowerCase())) {
      throw new PopError(
        'ambiguous-header',
        'The field connection may say keep-alive or close, and name no other field.',
      )
    }
  }
  const expectation = fields.get('expect')
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue') {
    throw new PopError('expectation-failed', 'The only expectation that can be met is 100-continue.')
  }
}
