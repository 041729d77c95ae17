import { PopError } from '@pop-api/protocol'
import type { OpenRequest } from '../operation.ts'

const formType = /^application\/x-www-form-urlencoded *(;|$)/i
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The parameters of a form, each at most once (RFC 6749 section 3.2); an empty one counts as left out. Throws
 * `media-type-unsupported` or `oauth-request-invalid`, also for escapes that two readers could decode differently. Untrusted input.
 */
export function readForm({ received, body }: OpenRequest): ReadonlyMap<string, string> {
  if (!formType.test(received.fields.get('content-type') ?? ''))
    throw new PopError('media-type-unsupported', 'Send application/x-www-form-urlencoded.')
  const form = new Map<string, string>()
  const seen = new Set<string>()
  for (const part of body.toString('latin1').split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals < 0 ? part : part.slice(0, equals))
    const value = equals < 0 ? '' : decode(part.slice(equals + 1))
    if (seen.has(name)) throw invalid(`The parameter ${JSON.stringify(name.slice(0, 40))} is there twice.`)
    seen.add(name)
    if (value !== '') form.set(name, value)
  }
  return form
}

/** The parameter `name`. Throws `oauth-request-invalid` when there is none. */
export function requireParameter(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw invalid(`The parameter ${name} is required.`)
  return value
}

/** Decodes `+` and percent-escapes once, as strict UTF-8. Raw bytes above ASCII and broken escapes are refused. */
export function decode(text: string): string {
  if (/[^\u0021-\u007e]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text))
    throw invalid('The form has a character that must be percent-encoded, or a broken escape.')
  const bytes = Buffer.from(
    text
      .replaceAll('+', ' ')
      .replace(/%(..)/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    throw new PopError('oauth-request-invalid', 'The form is not UTF-8.', { cause })
  }
}

function invalid(detail: string): PopError {
  return new PopError('oauth-request-invalid', detail)
}
