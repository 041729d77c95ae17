import { text } from 'node:stream/consumers'
import { Agent, type Dispatcher } from 'undici'
import type { CustomFetch } from 'openid-client'

const timeoutMs = 10_000

/** Connections to the provider: TLS 1.3, and its certificate must come from `ca` where one is given. The caller destroys it. */
export function openAgent(ca: string | undefined, connections: number): Agent {
  const connect = { minVersion: 'TLSv1.3' as const, timeout: 5000, ...(ca === undefined ? {} : { ca }) }
  return new Agent({
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: 1024 * 1024,
    connect,
  })
}

/** The `fetch` of openid-client over an agent of ours: it follows no redirect, which could lead a secret elsewhere. */
export function fetchThrough(agent: Dispatcher): CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const answer = await agent.request({
      origin: new URL(url).origin,
      path: url.slice(new URL(url).origin.length),
      method,
      headers,
      body: body instanceof URLSearchParams ? body.toString() : null,
      ...(signal === undefined ? {} : { signal }),
    })
    const content = await text(answer.body)
    const fields = new Headers()
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) fields.append(name, one)
    }
    const empty = answer.statusCode === 204 || answer.statusCode === 304
    return new Response(empty ? null : content, { status: answer.statusCode, headers: fields })
  }
}
