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
  return new Promise((resolve, reject) => new Exchange(request, resolve, reject).begin(pool, body))
}

/** Told by the pool, in this order, of what becomes of one request. A class: each request makes one object, not a closure a step. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ModuleRequest
  readonly #resolve: (answer: ModuleAnswer) => void
  readonly #reject: (failure: PopError) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #stage: 'waiting' | 'sent' | 'ended' = 'waiting'
  #waiting: NodeJS.Timeout | undefined
  #head: AnswerHead | undefined
  #streaming: Streaming | undefined

  constructor(request: ModuleRequest, resolve: (answer: ModuleAnswer) => void, reject: (failure: PopError) => void) {
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(pool: Dispatcher, body: Buffer): void {
    const { method, target: path, headers, silenceMsMax, onCut } = this.#request
    const times = { headersTimeout: silenceMsMax, bodyTimeout: silenceMsMax }
    onCut((refusal) => this.#giveUp(refusal))
    this.#waiting = setTimeout(() => this.#giveUp(noneFree()), freeMsMax)
    // undici only reads them.
    const fields = headers as string[]
    pool.dispatch({ method, path, headers: fields, body: body.length === 0 ? null : body, ...times }, this)
  }

  onRequestStart(controller: Controller): void {
    clearTimeout(this.#waiting)
    if (this.#stage === 'ended') {
      controller.abort(new Error('Nobody waits for it any more.'))
      return
    }
    this.#stage = 'sent'
    this.#request.onCut((refusal) => controller.abort(refusal))
  }

  onResponseStart(controller: Controller, status: number): void {
    const head = (this.#head = this.#request.readHead(status, texts(controller.rawHeaders)))
    if (head.stream === undefined) return
    const opened = (this.#streaming = openStreaming(controller))
    const { source } = opened
    this.#resolve({ kind: 'streamed', head, stream: head.stream, source, rawTrailers: () => opened.rawTrailers })
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#streaming !== undefined) {
      if (!this.#streaming.source.push(chunk)) controller.pause()
      return
    }
    this.#bytes += chunk.length
    if (this.#bytes > answerBytesMax) controller.abort(answerTooLarge())
    else this.#chunks.push(chunk)
  }

  onResponseEnd(controller: Controller): void {
    const rawTrailers = texts(controller.rawTrailers)
    if (this.#streaming !== undefined) {
      this.#streaming.rawTrailers = rawTrailers
      this.#streaming.source.push(null)
    } else if (this.#head !== undefined) {
      this.#resolve({ kind: 'whole', head: this.#head, rawTrailers, body: Buffer.concat(this.#chunks, this.#bytes) })
    }
  }

  onResponseError(_controller: Controller, error: Error): void {
    clearTimeout(this.#waiting)
    const wasSent = this.#stage === 'sent'
    this.#stage = 'ended'
    this.#streaming?.source.destroy(error)
    this.#reject(wasSent ? brokenExchange(error) : new InstanceUnreachable(error))
  }

  /** Before anything was sent: the request stays in the pool's queue and is dropped when its turn comes. */
  #giveUp(why: PopError): void {
    clearTimeout(this.#waiting)
    this.#stage = 'ended'
    this.#reject(why)
  }
}

function noneFree(): InstanceUnreachable {
  return new InstanceUnreachable(new Error('No connection to the module came free.'))
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

const none: readonly string[] = []

function texts(raw: unknown): readonly string[] {
  if (!Array.isArray(raw) || raw.length === 0) return none
  return raw.map((item: unknown) => (Buffer.isBuffer(item) ? item.toString('latin1') : String(item)))
}
