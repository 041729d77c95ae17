import type { IncomingMessage } from 'node:http'
import { collectStream, PopError } from '@pop-api/protocol'

const formBytesMax = 16 * 1024
const formType = /^application\/x-www-form-urlencoded(;|$)/i

/**
 * The parameters of a form, each at most once (RFC 6749 section 3.2). An empty one counts as left out. Throws
 * `oauth-request-invalid` for one that is there twice, and as `readFormText`. Untrusted input.
 */
export async function readForm(request: IncomingMessage): Promise<ReadonlyMap<string, string>> {
  const form = new Map<string, string>()
  const seen = new Set<string>()
  for (const [name, value] of new URLSearchParams(await readFormText(request))) {
    if (seen.has(name))
      throw new PopError('oauth-request-invalid', `The parameter ${JSON.stringify(name)} is there twice.`)
    seen.add(name)
    if (value !== '') form.set(name, value)
  }
  return form
}

/**
 * The text of a form, whose parameters are not looked at yet. Throws `media-type-unsupported` for what is none, `body-too-large`
 * above 16 KiB, with the rest left unread so that the refusal can still be sent, `malformed-request` when the sender breaks off.
 */
export async function readFormText(request: IncomingMessage): Promise<string> {
  if (!formType.test(request.headers['content-type'] ?? '')) {
    throw new PopError('media-type-unsupported', 'Send application/x-www-form-urlencoded.')
  }
  if (Number(request.headers['content-length'] ?? 0) > formBytesMax) throw tooLarge()
  const body = await collectStream(request, formBytesMax).catch((cause: unknown) => {
    throw new PopError('malformed-request', 'The form ended before its length.', { cause })
  })
  if (body === undefined) throw tooLarge()
  return body.toString('utf8')
}

/** The parameter `name`. Throws `oauth-request-invalid` when there is none. */
export function requireParameter(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new PopError('oauth-request-invalid', `The parameter ${name} is required.`)
  return value
}

function tooLarge(): PopError {
  return new PopError('body-too-large', `A form may have at most ${formBytesMax} bytes.`)
}
