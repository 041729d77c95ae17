import type { IncomingMessage } from 'node:http'
import { PopError } from '@pop-api/protocol'

const formBytesMax = 16 * 1024
const formType = /^application\/x-www-form-urlencoded(;|$)/i

/**
 * The parameters of a form, each at most once (RFC 6749 section 3.2). An empty one counts as left out. Throws
 * `media-type-unsupported`, `body-too-large` or `oauth-request-invalid`. Untrusted input.
 */
export async function readForm(request: IncomingMessage): Promise<ReadonlyMap<string, string>> {
  if (!formType.test(request.headers['content-type'] ?? '')) {
    throw new PopError('media-type-unsupported', 'Send application/x-www-form-urlencoded.')
  }
  const form = new Map<string, string>()
  const seen = new Set<string>()
  for (const [name, value] of new URLSearchParams(await readText(request))) {
    if (seen.has(name))
      throw new PopError('oauth-request-invalid', `The parameter ${JSON.stringify(name)} is there twice.`)
    seen.add(name)
    if (value !== '') form.set(name, value)
  }
  return form
}

/** The parameter `name`. Throws `oauth-request-invalid` when there is none. */
export function requireParameter(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new PopError('oauth-request-invalid', `The parameter ${name} is required.`)
  return value
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  // The stream has no encoding set, so that its chunks are buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > formBytesMax) throw new PopError('body-too-large', `A form may have ${formBytesMax} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
