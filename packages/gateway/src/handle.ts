import { PopError } from '@pop-api/protocol'
import { admit, type Admission } from './admit/admit.ts'
import { isStreamed, type Answer, type StreamedBody } from './answer.ts'
import { dress, type Dresser } from './dress/dress.ts'
import { forward, type Modules } from './forward/forward.ts'
import { identify } from './identify/identify.ts'
import type { Authenticator } from './identify/verify-token.ts'
import { permit, permits, PermissionDenied, type PermitRules } from './permit/permit.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Progress } from './progress.ts'
import type { RequestBody } from './receive/body.ts'
import type { Received } from './receive/received.ts'
import { recordClosing, recordOpening, type Recorder } from './record/record.ts'
import { asPopError, refuseRequest } from './refuse/refuse.ts'
import type { Routes } from './route/destination.ts'
import { leadsTo, route } from './route/route.ts'
import { serveOpen, serveOwn } from './serve/serve.ts'
import type { Traces } from './trace/traces.ts'
import { bodyOf, validate } from './validate/validate.ts'

/** All that the stages need, as it stands when a request arrives. */
export interface Gate {
  readonly admission: Admission
  readonly routes: () => Routes
  readonly authenticator: Authenticator
  readonly permitRules: () => PermitRules
  /** Takes one from the rate of a caller, or throws `rate-limited`. */
  readonly limit: (subject: string, nowMs: number) => void
  /** The same for a network from which somebody without a token asks. */
  readonly limitSignIn: (network: string, nowMs: number) => void
  readonly bodyBytesMax: () => number
  /** Whether one more refusal of somebody unknown gets an event of its own; beyond that they are counted at the door. */
  readonly strangerFits: (received: Received) => boolean
  readonly dresser: Dresser
  readonly modules: Modules
  readonly recorder: Recorder
  readonly traces: Traces
  readonly metrics: Pick<Metrics, 'ticksMs' | 'answered' | 'refused'>
  /** Told of what went wrong inside: an error that is no refusal, and the cause of a 5xx. */
  readonly failed: (requestId: string, failure: unknown) => void
}

/**
 * The life of a request behind `receive`: each stage hands on what it checked, and a refusal is thrown. Rejects only where
 * `admit` refuses, or too many strangers are refused: that is counted at the door, so that a stranger cannot fill the log.
 */
export async function handle(received: Received, body: RequestBody, gate: Gate): Promise<Answer> {
  const progress = begin(received, gate)
  try {
    admit(received, gate.admission) // 429 503
    progress.stage = 'route'
    const routed = (progress.routed = route(received, gate.routes())) // 404 405
    if (leadsTo(routed, 'open')) {
      progress.stage = 'serve'
      return await close(progress, await serveOpen(routed, body, progress, gate.limitSignIn), gate)
    }
    progress.stage = 'identify'
    const identified = await identify(routed, gate.authenticator) // 400 401 429 503
    progress.caller = identified.caller
    progress.stage = 'permit'
    const permitted = permit(identified, gate.permitRules()) // 401 403 503
    progress.decision = permitted.decision
    progress.reason = permitted.reason
    progress.stage = 'limit'
    gate.limit(identified.caller.subject, received.startedMs) // 429
    if (permits(permitted, 'own')) {
      progress.stage = 'serve'
      const answer = await serveOwn(permitted, body, progress, (txn) => announce(progress, txn, gate))
      return await close(progress, answer, gate)
    }
    progress.stage = 'validate'
    const validated = validate(permitted, await bodyOf(permitted, body, gate.bodyBytesMax())) // 400 408 413 415 422
    progress.stage = 'dress'
    const dressed = dress(validated, progress.trace, gate.dresser)
    progress.decision = dressed.decision
    await announce(progress, dressed.txn, gate) // 503
    progress.stage = 'forward'
    return await close(progress, await forward(dressed, gate.modules), gate) // 502 503 504
  } catch (failure) {
    // Whoever named an account has been limited already, and every try against an account is to be seen.
    const stranger = progress.caller === undefined && progress.account === undefined
    if (progress.stage === 'admit' || (stranger && !gate.strangerFits(received))) {
      gate.metrics.refused(progress, asPopError(failure))
      throw failure
    }
    return close(progress, refusal(progress, failure, gate), gate)
  }
}

function begin(received: Received, { traces, metrics }: Gate): Progress {
  const trace = traces(received.fields.get('traceparent'))
  return { received, trace, beganMs: metrics.ticksMs(), stage: 'admit', opened: false }
}

/** Puts the opening event of a change on the disk: from then on it may have happened. A read is not announced. */
function announce(progress: Progress, txn: string, { recorder }: Gate): Promise<void> | undefined {
  progress.txn = txn
  const opening = recordOpening(progress, recorder)
  return opening === undefined ? undefined : untilOpened(progress, opening)
}

async function untilOpened(progress: Progress, opening: Promise<void>): Promise<void> {
  const { stage } = progress
  progress.stage = 'record'
  await opening
  progress.opened = true
  progress.stage = stage
}

function refusal(progress: Progress, failure: unknown, gate: Gate): Answer {
  const error = asPopError(failure)
  progress.refusal = error
  if (error.status >= 500) gate.failed(progress.received.requestId, failure)
  if (failure instanceof PermissionDenied) progress.decision = failure.decision
  progress.reason = failure instanceof PermissionDenied ? failure.reason : reasonOf(progress, error)
  return refuseRequest(error, progress.received)
}

/** The provider shows its operator nothing of what it was answered: what was wrong with its message stands in our log alone. */
function reasonOf({ routed }: Progress, { code, message }: PopError): string {
  const destination = routed?.destination
  return destination?.kind === 'open' && destination.ofProvider === true ? `${code}: ${message}` : code
}

/** An answer leaves only once it is recorded; if it cannot be, the client is told so, and whether something was done. */
async function close(progress: Progress, answer: Answer, gate: Gate): Promise<Answer> {
  if (isStreamed(answer)) return { ...answer, body: recordAtEnd(progress, answer, gate) }
  try {
    const closing = recordClosing(progress, answer, gate.recorder)
    if (closing !== undefined) await closing
  } catch (failure) {
    const outcome = progress.opened ? 'unknown' : 'nothing'
    const unrecorded = new PopError('audit-unavailable', 'The request could not be recorded.', {
      cause: failure,
      members: { outcome },
    })
    progress.stage = 'record'
    progress.refusal = unrecorded
    gate.metrics.answered(progress, unrecorded.status)
    return refuseRequest(unrecorded, progress.received)
  }
  gate.metrics.answered(progress, answer.status)
  return answer
}

/** The closing event of a streamed answer is written before its last byte leaves, or says how the stream broke. */
function recordAtEnd(progress: Progress, answer: Answer & { readonly body: StreamedBody }, gate: Gate): StreamedBody {
  const { pieces, cut, finish, abandon } = answer.body
  let recorded = false
  return {
    pieces,
    cut,
    finish: async () => {
      const last = await finish()
      progress.stage = 'record'
      await recordClosing(progress, answer, gate.recorder)
      gate.metrics.answered(progress, answer.status)
      recorded = true
      return last
    },
    abandon: async (failure) => {
      await abandon(failure)
      // The client went between the record and its last byte: one request has one closing event.
      if (recorded) return
      const ended = refusal(progress, failure, gate)
      gate.metrics.answered(progress, ended.status)
      await recordClosing(progress, ended, gate.recorder)?.catch((unrecorded: unknown) =>
        gate.failed(progress.received.requestId, unrecorded),
      )
    },
  }
}
