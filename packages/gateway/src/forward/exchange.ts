import { PopError, type ModuleInstance } from '@pop-api/protocol'
import type { Dispatcher } from 'undici'

/** An answer as it came off the wire: nothing of it is believed yet. */
export interface RawAnswer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly rawTrailers: readonly string[]
  readonly body: Buffer
}

export interface ModuleRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly body: Buffer
  /** How long the module may be silent, before the answer and within it. */
  readonly silenceMsMax: number
}

/** One connection pool for each instance; the pool has proven the instance's identity before anything is sent. */
export type PoolOf = (instance: ModuleInstance) => Dispatcher

const answerBytesMax = 256 * 1024

/** Nothing of the request has left: another instance may be asked, whatever the request is. */
export class InstanceUnreachable extends PopError {
  constructor(cause: Error) {
    super('module-unavailable', 'The module cannot be reached now.', { cause, headers: { 'retry-after': '1' } })
  }
}

/**
 * Sends one request and reads the whole answer, at most 256 KiB. Rejects with `InstanceUnreachable` when nothing was sent,
 * with `module-unavailable` when nothing came back, with
 * `module-timeout` when it took too long, with `answer-unverified` when it is too large.
 */
export function exchange(pool: Dispatcher, request: ModuleRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { method, target: path, headers, body, silenceMsMax } = request
    const chunks: Buffer[] = []
    let bytes = 0
    let sent = false
    let status = 0
    let rawHeaders: readonly string[] = []
    pool.dispatch(
      {
        method,
        path,
        headers: [...headers],
        body: body.length === 0 ? null : body,
        headersTimeout: silenceMsMax,
        bodyTimeout: silenceMsMax,
      },
      {
        onRequestStart: () => {
          sent = true
        },
        onResponseStart: (controller, statusCode) => {
          status = statusCode
          rawHeaders = texts(controller.rawHeaders)
        },
        onResponseData: (controller, chunk) => {
          bytes += chunk.length
          if (bytes > answerBytesMax) controller.abort(new PopError('answer-unverified', 'The answer is too large.'))
          else chunks.push(chunk)
        },
        onResponseEnd: (controller) => {
          resolve({
            status,
            rawHeaders,
            rawTrailers: texts(controller.rawTrailers),
            body: Buffer.concat(chunks, bytes),
          })
        },
        onResponseError: (_controller, error) => reject(sent ? failureOf(error) : new InstanceUnreachable(error)),
      },
    )
  })
}

function texts(raw: unknown): readonly string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((item: unknown) => (Buffer.isBuffer(item) ? item.toString('latin1') : String(item)))
}

function failureOf(error: Error): PopError {
  if (error instanceof PopError) return error
  const code: unknown = Reflect.get(error, 'code')
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new PopError('module-timeout', 'The module did not answer in time.', { cause: error })
  }
  return new PopError('module-unavailable', 'The module cannot be reached now.', {
    cause: error,
    headers: { 'retry-after': '1' },
  })
}
