import { parseTarget, PopError } from '@pop-api/protocol'
import { checkConnectionFields, readFields } from './fields.ts'
import { readFraming } from './framing.ts'
import { receivedMethods, type RawRequest, type Received, type ReceivedMethod } from './received.ts'

/** What the gateway itself gives to a request. */
export interface Reception {
  readonly requestId: string
  readonly nowMs: number
}

/**
 * Parses a request once into its one meaning, or refuses it (400, 405, 414, 417, 431). After this nobody looks at raw bytes again.
 * The body is still on its way: `openBody()`.
 */
export function receive(raw: RawRequest, reception: Reception): Received {
  if (raw.httpVersion !== '1.1')
    throw new PopError('malformed-request', `HTTP/${raw.httpVersion} is not served: speak HTTP/1.1.`)
  const method = readMethod(raw.method)
  const target = parseTarget(raw.url)
  if (!target.ok) throw new PopError(target.code, target.detail)
  const fields = readFields(raw.rawHeaders)
  checkConnectionFields(fields)
  const received: Omit<Received, symbol> = {
    requestId: reception.requestId,
    method,
    target: target.value,
    fields,
    framing: readFraming(method, fields),
    address: canonicalAddress(raw.remoteAddress),
    crowded: raw.crowded,
    origin: raw.origin,
    certificate: raw.certificate,
    startedMs: reception.nowMs,
  }
  // The brand says that the checks above ran; nothing else makes one.
  return received as Received
}

function readMethod(method: string): ReceivedMethod {
  const known = receivedMethods.find((served) => served === method)
  if (known !== undefined) return known
  throw new PopError('method-not-allowed', 'The method is not one of those that are served.', {
    headers: { allow: receivedMethods.join(', ') },
  })
}

/** `::ffff:192.0.2.1` is 192.0.2.1: otherwise one client has two addresses, or all of them one prefix. */
export function canonicalAddress(address: string): string {
  if (!address.startsWith('::')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address
}
