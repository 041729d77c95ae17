import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpsRequest, type Agent } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { collectStream, fieldPairs, type BodySealer, type ModuleInstance, type SealMoment } from '@pop-api/protocol'
import type { Upstream } from '../metrics/upstreams.ts'
import type { FollowedBody } from '../receive/body.ts'
import {
  answerBytesMax,
  answerTooLarge,
  brokenExchange,
  InstanceUnreachable,
  moduleSilent,
  type ModuleAnswer,
  type ModuleRequest,
} from './module-answer.ts'

/** Connections for requests whose body is streamed, one agent for each instance. */
export type AgentOf = (instance: ModuleInstance) => Agent

/** A body that is sealed while it is sent on. */
export interface Upload {
  readonly body: FollowedBody
  readonly sealer: BodySealer
  readonly moment: () => SealMoment
  /** Counts the bytes. */
  readonly upstream: Upstream
}

const connectMsMax = 5_000

/**
 * Sends one request with a body that is still on its way, at the pace of the module, and seals its end: `partial` where the client
 * broke off, which then is what this rejects with. (undici sends no trailers, so this goes through `node:https`.) A module that
 * answers before the end gets no more of the body. Rejects as `exchange` does; with `InstanceUnreachable` before a byte was read.
 */
export async function sendUpload(
  agent: Agent,
  address: string,
  request: ModuleRequest,
  upload: Upload,
): Promise<ModuleAnswer> {
  const outgoing = open(agent, address, request)
  await connected(outgoing)
  request.onCut((refusal) => outgoing.destroy(refusal))
  const stop = new AbortController()
  const answered = answerOf(outgoing, stop)
  const flow = pour(outgoing, upload, stop.signal, request.silenceMsMax)
  // Whichever of them fails first is told; the other then has nothing to add.
  answered.catch(() => undefined)
  try {
    const flowed = await flow
    const response = await inTime(answered, request.silenceMsMax)
    if (flowed.kind === 'broken') throw flowed.failure
    const answer = await readAnswer(response, request)
    if (flowed.kind === 'stopped') giveUpAfter(answer, outgoing)
    return answer
  } catch (failure) {
    outgoing.destroy()
    throw brokenExchange(failure)
  }
}

function open(agent: Agent, address: string, { method, target, headers }: ModuleRequest): ClientRequest {
  const { hostname, port, host } = new URL(address)
  const framing = ['host', host, 'transfer-encoding', 'chunked', 'connection', 'close']
  // `path` is sent as it is: what was sealed is never built anew.
  const outgoing = httpsRequest({ agent, hostname, port, method, path: target, headers: [...headers, ...framing] })
  // Whoever waits hears of a failure in its own way; one that nobody listens for would end the process.
  return outgoing.on('error', () => undefined)
}

/** Resolves when the peer has proven who it is; until then not a byte of the body was asked for. */
async function connected(outgoing: ClientRequest): Promise<void> {
  const timer = setTimeout(() => outgoing.destroy(new Error('The connection took too long.')), connectMsMax)
  try {
    const [socket]: TLSSocket[] = await once(outgoing, 'socket')
    // The agent keeps no connections, so this one is new.
    if (socket !== undefined) await once(socket, 'secureConnect')
  } catch (cause) {
    outgoing.destroy()
    throw new InstanceUnreachable(cause instanceof Error ? cause : new Error(String(cause)))
  } finally {
    clearTimeout(timer)
  }
}

function answerOf(outgoing: ClientRequest, stop: AbortController): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (response) => {
      stop.abort()
      resolve(response)
    })
    outgoing.on('error', (error) => {
      stop.abort()
      reject(error)
    })
    outgoing.once('close', () => reject(new Error('The module closed the connection without an answer.')))
  })
}

type Flowed =
  | { readonly kind: 'whole' }
  /** The module answered, or went, before the end. */
  | { readonly kind: 'stopped' }
  /** The client broke off. */
  | { readonly kind: 'broken'; readonly failure: unknown }

async function pour(
  outgoing: ClientRequest,
  { body, sealer, moment, upstream }: Upload,
  stopped: AbortSignal,
  silenceMsMax: number,
): Promise<Flowed> {
  const end = (ending: 'complete' | 'partial'): void => {
    outgoing.addTrailers(fieldPairs(sealer.end(ending, moment())))
    outgoing.end()
  }
  const pieces = body.pieces[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<Buffer> | 'stopped'
    try {
      next = await unlessStopped(pieces.next(), stopped)
    } catch (failure) {
      end('partial')
      return { kind: 'broken', failure }
    }
    if (next === 'stopped') return { kind: 'stopped' }
    if (next.done === true) break
    sealer.add(next.value)
    upstream.requestBytes += next.value.length
    if (outgoing.write(next.value)) continue
    if ((await inTime(unlessStopped(drained(outgoing), stopped), silenceMsMax)) === 'stopped')
      return { kind: 'stopped' }
  }
  end('complete')
  return { kind: 'whole' }
}

async function drained(outgoing: ClientRequest): Promise<'drained'> {
  if (outgoing.writableNeedDrain) await once(outgoing, 'drain')
  return 'drained'
}

/**
 * Waits for a promise, or for the signal. To race each piece with one promise that lasts as long as the body would keep something
 * of every piece until its end.
 */
async function unlessStopped<T>(waited: Promise<T>, signal: AbortSignal): Promise<T | 'stopped'> {
  const { promise: stopped, resolve } = Promise.withResolvers<'stopped'>()
  const stop = (): void => resolve('stopped')
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
  try {
    return await Promise.race([waited, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function readAnswer(response: IncomingMessage, { readHead, silenceMsMax }: ModuleRequest): Promise<ModuleAnswer> {
  // Where something waits to be read it is the reader who is slow.
  response.setTimeout(silenceMsMax, () => response.readableLength === 0 && response.destroy(moduleSilent()))
  const head = readHead(response.statusCode ?? 0, response.rawHeaders)
  if (head.stream !== undefined) {
    // It may break before anybody reads it: an error that nobody hears would end the process.
    response.on('error', () => undefined)
    return { kind: 'streamed', head, stream: head.stream, source: response, rawTrailers: () => response.rawTrailers }
  }
  const body = await collectStream(response, answerBytesMax)
  if (body === undefined) throw answerTooLarge()
  return { kind: 'whole', head, body, rawTrailers: response.rawTrailers }
}

/** Ends a connection on which a body was left half sent, once its answer was read. */
function giveUpAfter(answer: ModuleAnswer, outgoing: ClientRequest): void {
  if (answer.kind === 'whole') outgoing.destroy()
  else answer.source.once('close', () => outgoing.destroy())
}

async function inTime<T>(promise: Promise<T>, msMax: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(moduleSilent()), msMax)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
