import { PopError } from '@pop-api/protocol'
import type { Framing, ReceivedMethod } from './received.ts'

const lengthShape = /^(?:0|[1-9][0-9]{0,14})$/
const bodiless: ReadonlySet<ReceivedMethod> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/**
 * Decides the length of the body by one field (RFC 9112, section 6). Refuses with `ambiguous-framing` both fields at once, a
 * length with a second spelling, any coding but exactly `chunked`, announced trailers, and a body where the method has none.
 */
export function readFraming(method: ReceivedMethod, fields: ReadonlyMap<string, string>): Framing {
  const length = fields.get('content-length')
  const coding = fields.get('transfer-encoding')
  if (fields.has('trailer')) throw new PopError('ambiguous-framing', 'Trailers are not accepted.')
  if (length !== undefined && coding !== undefined) {
    throw new PopError('ambiguous-framing', 'The request has both Content-Length and Transfer-Encoding.')
  }
  const framing = coding === undefined ? byLength(length) : byCoding(coding)
  if (framing.kind !== 'none' && bodiless.has(method))
    throw new PopError('ambiguous-framing', `A ${method} request has no body here.`)
  return framing
}

function byLength(length: string | undefined): Framing {
  if (length === undefined) return { kind: 'none' }
  if (!lengthShape.test(length))
    throw new PopError('ambiguous-framing', 'Content-Length must be a plain decimal number.')
  return length === '0' ? { kind: 'none' } : { kind: 'length', bytes: Number(length) }
}

function byCoding(coding: string): Framing {
  if (coding !== 'chunked') throw new PopError('ambiguous-framing', 'Transfer-Encoding must be exactly "chunked".')
  return { kind: 'chunked' }
}
