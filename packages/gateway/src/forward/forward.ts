import {
  answerHopFields,
  isJsonObject,
  parseStrictJson,
  PopError,
  sealLimits,
  type ModuleInstance,
  type Seal,
  type Trust,
  type VerifiedAnswer,
  type WitCache,
} from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Dressed } from '../dress/dress.ts'
import { exchange, InstanceUnreachable, type PoolOf } from './exchange.ts'

export interface Modules {
  readonly seal: Seal
  readonly poolOf: PoolOf
  readonly trust: () => Trust
  readonly wits: WitCache
  /** SPIFFE ID that TLS proved for the pool of an instance; undefined only over loopback HTTP. */
  readonly peerOf: (instance: ModuleInstance) => string | undefined
  readonly silenceMsMax: () => number
  /** A number that grows with each call: where to begin among the instances. */
  readonly nextTurn: () => number
  readonly nowMs: () => number
}

/**
 * Hands a dressed request to an instance of its module and gives back the answer that verified. An instance that has restarted gets
 * the request once more, sealed for its present start. Refuses with 502, 503, 504; a `seal-` problem never passes on.
 */
export async function forward(dressed: Dressed, modules: Modules): Promise<Answer> {
  const { destination } = dressed.validated.permitted.identified.routed
  const answer = await callAny(dressed, destination.instances, modules)
  refuseSealProblem(answer)
  return clientAnswer(answer, destination.answerFields)
}

/** Begins at another instance each time, and goes on to the next where nothing of the request has left. */
async function callAny(
  dressed: Dressed,
  instances: readonly ModuleInstance[],
  modules: Modules,
): Promise<VerifiedAnswer> {
  let unreachable = new PopError('module-unavailable', 'No instance of the module is known now.', {
    headers: { 'retry-after': '1' },
  })
  const start = modules.nextTurn()
  for (let offset = 0; offset < instances.length; offset++) {
    const instance = instances[(start + offset) % instances.length]
    if (instance === undefined) continue
    try {
      const first = await callInstance(dressed, instance, instance.boot, modules)
      const boot = bootOfRetry(first)
      return boot === undefined ? first : await callInstance(dressed, instance, boot, modules)
    } catch (failure) {
      if (!(failure instanceof InstanceUnreachable)) throw failure
      unreachable = failure
    }
  }
  throw unreachable
}

async function callInstance(
  dressed: Dressed,
  instance: ModuleInstance,
  boot: string,
  modules: Modules,
): Promise<VerifiedAnswer> {
  const { received } = dressed.validated.permitted.identified.routed
  const { headers, binding } = dressed.sealFor(instance, boot)
  const { method, target } = received
  const silenceMsMax = modules.silenceMsMax()
  const request = { method, target: target.text, headers, body: dressed.validated.body, silenceMsMax }
  const raw = await exchange(modules.poolOf(instance), request)
  const head = modules.seal.verifyAnswerHead(raw, {
    trust: modules.trust(),
    wits: modules.wits,
    limits: sealLimits,
    instance: instance.spiffe_id,
    peer: modules.peerOf(instance),
    binding,
    nowMs: modules.nowMs(),
  })
  const verified = head.ok ? modules.seal.verifyAnswerBody(head.value, raw.body, raw.rawTrailers) : head
  if (verified.ok) return verified.value
  throw new PopError('answer-unverified', 'The answer of the module does not verify.', {
    cause: new Error(`${verified.code}: ${verified.detail}`),
  })
}

/** The boot value of a verified `retry-seal` problem. */
function bootOfRetry(answer: VerifiedAnswer): string | undefined {
  const problem = problemIn(answer)
  return problem?.['code'] === 'retry-seal' && typeof problem['boot'] === 'string' ? problem['boot'] : undefined
}

function refuseSealProblem(answer: VerifiedAnswer): void {
  const code = problemIn(answer)?.['code']
  if (typeof code !== 'string' || !(code.startsWith('seal-') || code === 'retry-seal')) return
  const cause = new Error(code)
  if (code === 'seal-full')
    throw new PopError('module-unavailable', 'The module takes no further request now.', {
      cause,
      headers: { 'retry-after': '1' },
    })
  throw new PopError('answer-unverified', 'The module did not take the request of this gateway.', { cause })
}

function problemIn({ status, body }: VerifiedAnswer): Readonly<Record<string, unknown>> | undefined {
  if (status < 400) return undefined
  const parsed = parseStrictJson(Buffer.from(body).toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

function clientAnswer({ status, headers, body }: VerifiedAnswer, declared: ReadonlySet<string>): Answer {
  const fields: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (answerHopFields.has(name) || declared.has(name)) fields.push(name, headers[index + 1] ?? '')
  }
  if (status !== 204 && status !== 304) fields.push('content-length', String(body.length))
  return { status, fields, body }
}
