import {
  answerHopFields,
  isJsonObject,
  parseStrictJson,
  PopError,
  sealLimits,
  type BodySealer,
  type ModuleInstance,
  type Seal,
  type Trust,
  type AnswerHead,
  type SealMoment,
  type WitCache,
} from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Dressed } from '../dress/dress.ts'
import type { Concurrency } from '../limit/concurrency.ts'
import type { Flow, UnderWay } from '../revoke/under-way.ts'
import type { FollowedBody } from '../receive/body.ts'
import { isSafe } from '../receive/received.ts'
import { noteFailure, type Upstream, type Upstreams } from '../metrics/upstreams.ts'
import { answerBody } from './answer-body.ts'
import { exchange, type PoolOf } from './exchange.ts'
import { InstanceUnreachable, type ModuleAnswer, type ModuleRequest } from './module-answer.ts'
import { answerUnverified, requestUnverified } from './seal-failure.ts'
import { sendUpload, type AgentOf } from './upload.ts'

export interface Modules {
  readonly seal: Seal
  readonly poolOf: PoolOf
  readonly agentOf: AgentOf
  readonly trust: () => Trust
  /** Notes how each instance does. */
  readonly upstreams: Upstreams
  /** Uploads and streamed answers. */
  readonly streams: Concurrency
  /** Cuts what was begun for a caller who is revoked meanwhile. */
  readonly underWay: Pick<UnderWay, 'begin'>
  readonly wits: WitCache
  /** SPIFFE ID that TLS proved for the pool of an instance; undefined only over loopback HTTP. */
  readonly peerOf: (instance: ModuleInstance) => string | undefined
  readonly silenceMsMax: () => number
  /** A number that grows with each call: where to begin among the instances. */
  readonly nextTurn: () => number
  readonly nextNonce: () => string
  readonly nowMs: () => number
}

/**
 * Hands a dressed request to an instance of its module and gives back the answer that verified. An instance that has restarted gets
 * the request once more, sealed for its present start, unless its body has begun to flow. Refuses with 502, 503, 504, with 429 a
 * caller that has too many streams under way, with 401 one who is revoked meanwhile; a `seal-` problem never passes on.
 */
export async function forward(dressed: Dressed, modules: Modules): Promise<Answer> {
  const { permitted, body } = dressed.validated
  const { caller, routed } = permitted.identified
  const { instances, answerFields } = routed.destination
  const isChange = !isSafe(routed.received.method)
  const flow = modules.underWay.begin(caller, isChange)
  const begin = (): (() => void) => modules.streams.begin(caller.subject)
  let end: (() => void) | undefined
  let called: Called
  try {
    end = Buffer.isBuffer(body) ? undefined : begin()
    called = await callAny(dressed, instances, flow, modules)
    whenRead(called.answer, end ?? endOfStream(called.answer, begin, isChange))
  } catch (failure) {
    flow.end()
    end?.()
    throw failure
  }
  whenRead(called.answer, flow.end)
  return clientAnswer(called, answerFields, flow, modules)
}

/** Counts a streamed answer, or gives it up where that is refused; who asked for a change then learns that it happened. */
function endOfStream(answer: ModuleAnswer, begin: () => () => void, isChange: boolean): () => void {
  if (answer.kind === 'whole') return () => undefined
  try {
    return begin()
  } catch (refusal) {
    answer.source.destroy()
    if (!isChange || !(refusal instanceof PopError)) throw refusal
    const members = { outcome: answer.head.status < 400 ? 'done' : 'unknown' }
    throw new PopError(refusal.code, refusal.message, { headers: refusal.headers, members })
  }
}

/** Calls back once nothing of an answer is to come: a stream closes also where it breaks, and where nobody reads it to its end. */
function whenRead(answer: ModuleAnswer, then: () => void): void {
  if (answer.kind === 'whole' || answer.source.closed) then()
  else answer.source.once('close', then)
}

/** An answer, and the instance that gave it. */
interface Called {
  readonly answer: ModuleAnswer
  readonly upstream: Upstream
}

/** Begins at another instance each time, and goes on to the next where nothing of the request has left. */
async function callAny(
  dressed: Dressed,
  instances: readonly ModuleInstance[],
  flow: Flow,
  modules: Modules,
): Promise<Called> {
  let unreachable: PopError | undefined
  const start = modules.nextTurn()
  for (let offset = 0; offset < instances.length; offset++) {
    const instance = instances[(start + offset) % instances.length]
    if (instance === undefined) continue
    const upstream = modules.upstreams.of(instance)
    try {
      const call = { instance, boot: instance.boot, upstream, flow }
      const first = await callInstance(dressed, call, modules)
      const boot = bootOfRetry(first)
      const last = boot === undefined ? first : await callInstance(dressed, { ...call, boot }, modules)
      refuseSealProblem(last)
      return { answer: last, upstream }
    } catch (failure) {
      if (!(failure instanceof InstanceUnreachable)) throw failure
      unreachable = failure
    }
  }
  throw unreachable ?? noInstance()
}

function noInstance(): PopError {
  return new PopError('module-unavailable', 'No instance of the module is known now.', {
    headers: { 'retry-after': '1' },
  })
}

/** What one call is to be: of which instance, at which of its starts. */
interface Call {
  readonly instance: ModuleInstance
  readonly boot: string
  readonly upstream: Upstream
  readonly flow: Flow
}

/** One call, noted in the book of its instance. What it gives back verified, of a stream up to the head. */
async function callInstance(dressed: Dressed, call: Call, modules: Modules): Promise<ModuleAnswer> {
  const { upstream } = call
  upstream.inFlight++
  try {
    const answer = await ask(dressed, call, modules)
    if (answer.kind === 'whole') {
      const verified = modules.seal.verifyAnswerBody(answer.head, answer.body, answer.rawTrailers)
      if (!verified.ok) throw answerUnverified(verified)
    }
    upstream.isUp = true
    whenRead(answer, () => upstream.inFlight--)
    return answer
  } catch (failure) {
    upstream.inFlight--
    noteFailure(upstream, failure)
    throw failure
  }
}

/** Sends it, sealed for this instance at this start. */
function ask(dressed: Dressed, { instance, boot, upstream, flow }: Call, modules: Modules): Promise<ModuleAnswer> {
  const { received, destination } = dressed.validated.permitted.identified.routed
  const { headers, binding, sealer } = dressed.sealFor(instance, boot)
  const readHead = (status: number, rawHeaders: readonly string[]): AnswerHead => {
    const head = modules.seal.verifyAnswerHead(
      { status, rawHeaders },
      {
        trust: modules.trust(),
        wits: modules.wits,
        limits: sealLimits,
        instance: instance.spiffe_id,
        peer: modules.peerOf(instance),
        binding,
        takesEvents: destination.operation.stream === 'events',
        nowMs: modules.nowMs(),
      },
    )
    if (!head.ok) throw answerUnverified(head)
    return head.value
  }
  const { method, target } = received
  const silenceMsMax = modules.silenceMsMax()
  const request = { method, target: target.text, headers, silenceMsMax, readHead, onCut: flow.onCut }
  const { body } = dressed.validated
  return Buffer.isBuffer(body)
    ? exchange(modules.poolOf(instance), request, body)
    : upload(request, instance, body, { sealer, upstream, modules })
}

interface Uploading {
  readonly sealer: BodySealer | undefined
  readonly upstream: Upstream
  readonly modules: Modules
}

async function upload(
  request: ModuleRequest,
  instance: ModuleInstance,
  body: FollowedBody,
  { sealer, upstream, modules }: Uploading,
): Promise<ModuleAnswer> {
  if (sealer === undefined) throw new Error('A body is on its way whose end nobody seals.')
  const moment = (): SealMoment => ({ nowMs: modules.nowMs(), nonce: modules.nextNonce() })
  const sent = { body, sealer, moment, upstream }
  const answer = await sendUpload(modules.agentOf(instance), instance.address, request, sent)
  // The body has been read: it cannot be sealed anew.
  if (bootOfRetry(answer) !== undefined)
    throw new PopError('module-unavailable', 'The module has restarted.', { headers: { 'retry-after': '1' } })
  return answer
}

/** The boot value of a verified `retry-seal` problem. */
function bootOfRetry(answer: ModuleAnswer): string | undefined {
  const problem = problemIn(answer)
  return problem?.['code'] === 'retry-seal' && typeof problem['boot'] === 'string' ? problem['boot'] : undefined
}

function refuseSealProblem(answer: ModuleAnswer): void {
  const code = problemIn(answer)?.['code']
  if (typeof code !== 'string' || !(code.startsWith('seal-') || code === 'retry-seal')) return
  throw requestUnverified(code)
}

function problemIn(answer: ModuleAnswer): Readonly<Record<string, unknown>> | undefined {
  // A problem document is never so long that it is streamed.
  if (answer.kind === 'streamed' || answer.head.status < 400) return undefined
  const parsed = parseStrictJson(answer.body.toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

function clientAnswer(
  { answer, upstream }: Called,
  declared: ReadonlySet<string>,
  flow: Flow,
  { seal, nowMs }: Modules,
): Answer {
  const { status, headers } = answer.head
  const fields: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (answerHopFields.has(name) || declared.has(name)) fields.push(name, headers[index + 1] ?? '')
  }
  const lengthBytes = lengthOf(answer)
  if (lengthBytes !== undefined && status !== 204 && status !== 304) fields.push('content-length', String(lengthBytes))
  const body = answer.kind === 'whole' ? answer.body : answerBody(answer, { upstream, seal, flow, nowMs })
  return { status, fields, body }
}

/** What the client is told of the length; a HEAD has that of the answer to GET, if the module says so. */
function lengthOf(answer: ModuleAnswer): number | undefined {
  if (answer.kind === 'streamed') return answer.stream.lengthBytes
  return answer.head.lengthBytes ?? answer.body.length
}
