import { once } from 'node:events'
import type { IncomingMessage, ClientRequest as OutgoingRequest } from 'node:http'
import { request as startRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { usageFailure } from '../command-failure.ts'
import type { Gateway } from './gateway.ts'
import { unreachable } from './unreachable.ts'

export interface ClientRequest {
  readonly method: string
  /** The request target; goes on the wire byte for byte. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body?: Buffer | Readable
}

/** An answer whose body has not been read. Disposing it ends the connection. */
export interface ClientAnswer {
  readonly message: IncomingMessage
  readonly status: number
  readonly [Symbol.dispose]: () => void
}

/** How long a gateway may take until the head of its answer: longer than it waits for a module itself. */
const silenceMs = 60_000
/** How long to wait for `100 Continue` before a body is sent anyway (RFC 9110 section 10.1.1). */
const continueMs = 1_000

/**
 * Sends one request on a connection of its own. Follows nothing and repeats nothing. Throws a CommandFailure (unreachable) when
 * nobody answers, or somebody who cannot prove to be this gateway.
 */
export async function exchange(
  gateway: Gateway,
  { method, path, headers, body }: ClientRequest,
): Promise<ClientAnswer> {
  const { hostname, port } = new URL(gateway.origin)
  const request = startRequest({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 443 : port,
    method,
    // The parser of Node writes one byte for each character: these are the bytes of the UTF-8 text as it was given.
    path: Buffer.from(path, 'utf8').toString('latin1'),
    headers: Buffer.isBuffer(body) || body === undefined ? { ...headers } : { ...headers, expect: '100-continue' },
    agent: false,
    ca: [...gateway.roots],
    minVersion: 'TLSv1.3',
  })
  request.setTimeout(silenceMs, () => request.destroy(new Error(`no answer within ${silenceMs / 1000} s`)))
  const source = Buffer.isBuffer(body) ? undefined : body
  let sourceFailure: unknown
  source?.on('error', (error) => request.destroy((sourceFailure = error)))
  // A server that refuses early closes while the body is still on its way: its answer counts, not that write.
  request.on('error', () => source?.destroy())
  const answered = once(request, 'response')
  if (source === undefined) request.end(body)
  else sendOnceWanted(source, request)
  const close = (): void => {
    source?.destroy()
    request.destroy()
  }
  try {
    const [message] = (await answered) as [IncomingMessage] // what `response` gives
    request.setTimeout(0)
    return { message, status: message.statusCode ?? 0, [Symbol.dispose]: close }
  } catch (error) {
    close()
    if (sourceFailure !== undefined) throw usageFailure('the body to send cannot be read', sourceFailure)
    throw unreachable(gateway, method, error)
  }
}

/**
 * Sends a body of unknown or great length once the server wants it, and not at all when it refuses the head: a server that closes
 * while bytes are on their way may take its answer with it.
 */
function sendOnceWanted(source: Readable, request: OutgoingRequest): void {
  const send = (): void => {
    settle()
    source.pipe(request)
  }
  const timer = setTimeout(send, continueMs)
  const settle = (): void => {
    clearTimeout(timer)
    request.off('continue', send)
  }
  request.on('continue', send)
  request.once('response', settle)
  request.once('close', settle)
  request.flushHeaders()
}
