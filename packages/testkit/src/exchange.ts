import { once } from 'node:events'
import { request as startRequest } from 'node:https'

/** What came back. A body that is no JSON object is empty here. */
export interface ClientAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

export interface ClientRequest {
  readonly method: string
  /** `https://host:port` */
  readonly origin: string
  /** Sent as it is. */
  readonly path: string
  /** CA of the server, PEM. */
  readonly ca: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The address to come from, if it matters: all of 127.0.0.0/8 are ours. */
  readonly from?: string
  /** What the client shows of itself where it is asked, PEM. */
  readonly client?: { readonly certificate: string; readonly privateKey: string }
}

/** Sends one request on a connection of its own and reads the answer. */
export async function exchange(asked: ClientRequest): Promise<ClientAnswer> {
  const { method, origin, path, ca, headers = {}, body, from, client } = asked
  const { hostname, port } = new URL(origin)
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const sent = { ...headers, ...length }
  // An address of IPv4 reaches no IPv6 one, which localhost may be too.
  const source = from === undefined ? {} : { localAddress: from, family: 4 }
  const shown = client === undefined ? {} : { cert: client.certificate, key: client.privateKey }
  const options = { host: hostname, port, method, path, ca, agent: false, headers: sent, ...source, ...shown }
  const request = startRequest(options)
  request.end(body)
  const [response] = await once(request, 'response')
  // A response without an encoding gives Buffers.
  const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString('utf8')
  return { status: response.statusCode, headers: response.headers, body: objectIn(text) }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith('{')) return {}
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
