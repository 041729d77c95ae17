import { PopError } from '@pop-api/protocol'
import type { Answer } from './answer.ts'
import { dress, type Dresser } from './dress/dress.ts'
import { forward, type Modules } from './forward/forward.ts'
import { identify, type Authenticator } from './identify/identify.ts'
import { permit, PermissionDenied, type PermitRules } from './permit/permit.ts'
import type { Progress } from './progress.ts'
import type { Received } from './receive/received.ts'
import { recordClosing, recordOpening, type Recorder } from './record/record.ts'
import { asPopError, refuse } from './refuse/refuse.ts'
import { route, type Routes } from './route/route.ts'
import { validate } from './validate/validate.ts'

/** All that the stages need, as it stands when a request arrives. */
export interface Gate {
  readonly routes: () => Routes
  readonly authenticator: Authenticator
  readonly permitRules: () => PermitRules
  readonly limit: (key: string, nowMs: number) => void
  readonly bodyBytesMax: number
  readonly dresser: Dresser
  readonly modules: Modules
  readonly recorder: Recorder
  /** Told of what went wrong inside: an error that is no refusal, and the cause of a 5xx. */
  readonly failed: (requestId: string, failure: unknown) => void
}

/** The life of a request behind `receive`: each stage hands on what it checked, and a refusal is thrown. Never rejects. */
export async function handle(
  received: Received,
  body: (bytesMax: number) => Promise<Buffer>,
  gate: Gate,
): Promise<Answer> {
  const progress: Progress = { received, opened: false }
  try {
    const routed = (progress.routed = route(received, gate.routes())) // 404 405
    const identified = await identify(routed, gate.authenticator) // 400 401 503
    progress.caller = identified.caller
    const permitted = permit(identified, gate.permitRules()) // 401 403
    progress.decision = permitted.decision
    progress.reason = permitted.reason
    gate.limit(identified.caller.subject, received.startedMs) // 429
    const validated = validate(permitted, await body(gate.bodyBytesMax)) // 400 413 415 422
    const dressed = dress(validated, gate.dresser)
    progress.txn = dressed.txn
    await recordOpening(progress, gate.recorder) // 503
    progress.opened = true
    return await close(progress, await forward(dressed, gate.modules), gate) // 502 503 504
  } catch (failure) {
    return close(progress, refusal(progress, failure, gate), gate)
  }
}

function refusal(progress: Progress, failure: unknown, gate: Gate): Answer {
  const error = asPopError(failure)
  if (error.status >= 500) gate.failed(progress.received.requestId, failure)
  if (failure instanceof PermissionDenied) progress.decision = failure.decision
  progress.reason = failure instanceof PermissionDenied ? failure.reason : error.code
  return refuse(error, progress.received.requestId)
}

/** An answer leaves only once it is recorded; if it cannot be, the client is told so, and whether something was done. */
async function close(progress: Progress, answer: Answer, gate: Gate): Promise<Answer> {
  try {
    await recordClosing(progress, answer, gate.recorder)
    return answer
  } catch (failure) {
    const outcome = progress.opened ? 'unknown' : 'nothing done'
    const unrecorded = new PopError('audit-unavailable', 'The request could not be recorded.', {
      cause: failure,
      members: { outcome },
    })
    return refuse(unrecorded, progress.received.requestId)
  }
}
