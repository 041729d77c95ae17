import { Agent, request as startRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { ConnectionOptions } from 'node:tls'
import { isJsonObject, isProblemCode, parseStrictJson, PopError } from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'

/** One small request to control. `tls` says whom to trust and who we are; each request has a connection of its own. */
export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly tls: ConnectionOptions
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly answerBytesMax?: number
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const answerBytesMaxUnlessTold = 16 * 1024 * 1024
const timeoutMsUnlessTold = 10_000

/**
 * Sends a request and reads the whole answer. Throws the PopError that a problem document names, `control-unavailable` when
 * nothing usable came back (worth another try), `control-unreadable` for an answer that no control of ours gives.
 */
export async function exchange(wanted: Exchange): Promise<string> {
  const answer = await open(wanted, wanted.timeoutMs ?? timeoutMsUnlessTold)
  const body = await readBody(answer, wanted.answerBytesMax ?? answerBytesMaxUnlessTold)
  refuseProblem(answer.statusCode ?? 0, body)
  return body
}

/** The same for an answer that is strict JSON. What it contains is still unknown. */
export async function exchangeJson(wanted: Exchange): Promise<unknown> {
  const parsed = parseStrictJson(await exchange(wanted))
  if (!parsed.ok) throw new WorkloadError('control-unreadable', `Control answered with broken JSON: ${parsed.detail}`)
  return parsed.value
}

/** Opens an answer that goes on (server-sent events). `silenceMs` without a byte ends it with an error. The caller destroys it. */
export async function openStream(wanted: Exchange, silenceMs: number): Promise<IncomingMessage> {
  const answer = await open(wanted, silenceMs)
  if (answer.statusCode === 200) return answer
  refuseProblem(answer.statusCode ?? 0, await readBody(answer, 64 * 1024))
  throw new WorkloadError('control-unreadable', `Control answered ${answer.statusCode} where a stream was expected.`)
}

/** `timeoutMs` is the longest silence: it also ends a connection that answered and then stopped. */
function open(wanted: Exchange, timeoutMs: number): Promise<IncomingMessage> {
  const body = wanted.body === undefined ? undefined : JSON.stringify(wanted.body)
  return new Promise((resolve, reject) => {
    const request = startRequest(wanted.url, {
      method: wanted.method,
      // A resumed session would skip the check of the peer's identity.
      agent: new Agent({ ...wanted.tls, keepAlive: false, maxCachedSessions: 0 }),
      headers: {
        ...wanted.headers,
        accept: 'application/json, text/event-stream, application/x-pem-file',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      timeout: timeoutMs,
      ...(wanted.signal === undefined ? {} : { signal: wanted.signal }),
    })
    request.on('timeout', () => request.destroy(new Error(`no answer for ${timeoutMs} ms`)))
    request.on('error', (cause) => reject(unavailable(wanted.url, cause)))
    request.on('response', resolve)
    request.end(body)
  })
}

async function readBody(answer: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // The stream has no encoding, so its chunks are Buffers.
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > bytesMax) break
      chunks.push(chunk)
    }
  } catch (cause) {
    throw unavailable('control', cause)
  }
  if (bytes > bytesMax)
    throw new WorkloadError('control-unreadable', `Control answered with more than ${bytesMax} bytes.`)
  return Buffer.concat(chunks).toString('utf8')
}

function refuseProblem(status: number, body: string): void {
  if (status >= 200 && status < 300) return
  const parsed = parseStrictJson(body)
  const { code, detail } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  if (isProblemCode(code)) throw new PopError(code, typeof detail === 'string' ? detail : 'Control gave no detail.')
  throw new WorkloadError('control-unavailable', `Control answered ${status} without a problem document.`)
}

function unavailable(url: string, cause: unknown): WorkloadError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new WorkloadError('control-unavailable', `No answer from ${url}: ${reason}`, { cause })
}
