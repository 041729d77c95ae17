import { Readable } from 'node:stream'
import type { AnswerHead, ModuleInstance, PopError } from '@pop-api/protocol'
import type { Dispatcher } from 'undici'
import {
  answerBytesMax,
  answerTooLarge,
  brokenExchange,
  InstanceUnreachable,
  type ModuleAnswer,
  type ModuleRequest,
} from './module-answer.ts'

/** One connection pool for each instance; the pool has proven the instance's identity before anything is sent. */
export type PoolOf = (instance: ModuleInstance) => Dispatcher

/** How long a request waits for one of the connections: where all are held, it is better asked of another instance, or refused. */
const freeMsMax = 5_000

type Controller = Dispatcher.DispatchController

/**
 * Sends one request with a whole body. Resolves with the whole answer, or as soon as the head of a streamed one verified. Rejects
 * with `InstanceUnreachable` when nothing was sent, with `module-unavailable` when nothing came back, with `module-timeout` when
 * it took too long, with `answer-unverified` when it is larger than an answer without a trailer may be, with the refusal where it
 * was cut.
 */
export function exchange(pool: Dispatcher, request: ModuleRequest, body: Buffer): Promise<ModuleAnswer> {
  return new Promise((resolve, reject) => {
    const { method, target: path, headers, silenceMsMax, readHead, onCut } = request
    const chunks: Buffer[] = []
    let bytes = 0
    let sent = false
    let gaveUp = false
    const giveUp = (why: PopError): void => {
      gaveUp = true
      clearTimeout(waiting)
      reject(why)
    }
    const noneFree = new Error('No connection to the module came free.')
    const waiting = setTimeout(() => giveUp(new InstanceUnreachable(noneFree)), freeMsMax)
    onCut(giveUp)
    let head: AnswerHead | undefined
    let streaming: Streaming | undefined
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
        onRequestStart: (controller) => {
          clearTimeout(waiting)
          if (gaveUp) {
            controller.abort(new Error('Nobody waits for it any more.'))
            return
          }
          sent = true
          onCut((refusal) => controller.abort(refusal))
        },
        onResponseStart: (controller, status) => {
          head = readHead(status, texts(controller.rawHeaders))
          if (head.stream === undefined) return
          const opened = (streaming = openStreaming(controller))
          const { source } = opened
          resolve({ kind: 'streamed', head, stream: head.stream, source, rawTrailers: () => opened.rawTrailers })
        },
        onResponseData: (controller, chunk) => {
          if (streaming !== undefined) {
            if (!streaming.source.push(chunk)) controller.pause()
            return
          }
          bytes += chunk.length
          if (bytes > answerBytesMax) controller.abort(answerTooLarge())
          else chunks.push(chunk)
        },
        onResponseEnd: (controller) => {
          const rawTrailers = texts(controller.rawTrailers)
          if (streaming !== undefined) {
            streaming.rawTrailers = rawTrailers
            streaming.source.push(null)
          } else if (head !== undefined) {
            resolve({ kind: 'whole', head, rawTrailers, body: Buffer.concat(chunks, bytes) })
          }
        },
        onResponseError: (_controller, error) => {
          clearTimeout(waiting)
          streaming?.source.destroy(error)
          reject(sent ? brokenExchange(error) : new InstanceUnreachable(error))
        },
      },
    )
  })
}

interface Streaming {
  readonly source: Readable
  rawTrailers: readonly string[]
}

/** Gives what arrives on at the reader's pace: without the pauses a large answer would come to lie in memory. */
function openStreaming(controller: Controller): Streaming {
  const source = new Readable({
    read: () => controller.resume(),
    destroy: (error, done) => {
      if (!source.readableEnded) controller.abort(error ?? new Error('The reader has gone.'))
      done(error)
    },
  })
  // It may break before anybody reads it: an error that nobody hears would end the process.
  source.on('error', () => undefined)
  return { source, rawTrailers: [] }
}

function texts(raw: unknown): readonly string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((item: unknown) => (Buffer.isBuffer(item) ? item.toString('latin1') : String(item)))
}
