import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request as startRequest } from 'node:https'
import type { Supervised } from '../tests/e2e/supervised.ts'

/** What came back, its body still to be read. */
export interface Streamed {
  readonly status: number
  readonly response: IncomingMessage
}

/** Sends a request whose body, if there is one, flows at the pace of the other side. Rejects when the connection breaks. */
export async function send(
  pop: Supervised,
  token: string,
  method: string,
  path: string,
  body?: { readonly lengthBytes: number; readonly pieces: AsyncIterable<Uint8Array> },
  fields: Readonly<Record<string, string>> = {},
): Promise<Streamed> {
  const { gateway, ca } = pop.run()
  const { hostname: host, port } = new URL(gateway)
  const length = body === undefined ? {} : { 'content-length': String(body.lengthBytes) }
  const headers = { authorization: `Bearer ${token}`, ...length, ...fields }
  const request = startRequest({ host, port, method, path, ca: readFileSync(ca), agent: false, headers })
  const answered = once(request, 'response')
  answered.catch(() => undefined)
  for await (const piece of body?.pieces ?? [])
    if (!request.write(piece)) await Promise.race([once(request, 'drain'), answered])
  request.end()
  const [response] = await answered
  return { status: response.statusCode, response }
}

/** Reads an answer to its end, which must be a clean one, and gives each piece away. */
export async function readAll({ response }: Streamed, take: (piece: Buffer) => void): Promise<void> {
  // A response without an encoding gives Buffers.
  for await (const piece of response as AsyncIterable<Buffer>) take(piece)
  if (!response.complete) throw new Error('The answer broke off.')
}
