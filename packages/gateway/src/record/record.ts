import { resourceActions, type AuditEvent, type AuditLog, type AuditStatus } from '@pop-api/audit'
import { PopError, type ProblemCode } from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Recording } from '../metrics/gauges.ts'
import type { Progress } from '../progress.ts'
import { isSafe } from '../receive/received.ts'

export interface Recorder {
  readonly audit: AuditLog
  readonly level: () => 'full' | 'basic'
  /** Told of each event that could not be written; with `basic` the request goes on without it. */
  readonly alarm: (failure: unknown) => void
  /** Counts how the log keeps up. */
  readonly recording: Recording
  readonly nowMs: () => number
}

function isChange(progress: Progress): boolean {
  return !isSafe(progress.received.method)
}

/** Announces a change before it is forwarded. Durable, or the request is refused with `audit-unavailable`. A read is not announced. */
export function recordOpening(progress: Progress, recorder: Recorder): Promise<void> | undefined {
  if (!isChange(progress)) return undefined
  return append(eventOf(progress, recorder, 'opened', undefined), 'durable', recorder)
}

/**
 * The one closing event of a request, before its answer leaves; durable for a change and for whatever begins or ends a session.
 * With `basic` a read that succeeded leaves none.
 */
export function recordClosing(progress: Progress, answer: Answer, recorder: Recorder): Promise<void> | undefined {
  const status: AuditStatus = answer.status < 400 ? 'success' : answer.status < 500 ? 'refused' : 'failure'
  if (recorder.level() === 'basic' && status === 'success' && !isChange(progress)) return undefined
  const event = eventOf(progress, recorder, status, answer.status)
  const decisive = isChange(progress) && (progress.opened || progress.routed?.destination.kind === 'open')
  return append(event, decisive ? 'durable' : 'written', recorder)
}

const slowMs = 2_000

/** Gives up on a disk that takes longer than its bound (security.md, fail modes): a request must not wait for it without end. */
async function append(
  event: AuditEvent,
  until: 'written' | 'durable',
  { audit, level, alarm, recording }: Recorder,
): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`The audit log took longer than ${slowMs} ms.`)), slowMs)
  recording.waiting++
  try {
    await Promise.race([audit.append(event, until), late])
  } catch (cause) {
    recording.lost++
    alarm(cause)
    if (level() === 'full')
      throw new PopError('audit-unavailable', 'The request could not be recorded.', {
        cause,
        headers: { 'retry-after': '5' },
      })
  } finally {
    clearTimeout(timer)
    recording.waiting--
  }
}

function eventOf(progress: Progress, recorder: Recorder, status: AuditStatus, code: number | undefined): AuditEvent {
  const { received, caller, decision, reason, trace, txn } = progress
  const nowMs = recorder.nowMs()
  const session = progress.session ?? caller?.sid
  const { action, service, resource_id, operation } = operationOf(progress)
  return {
    timestamp: new Date(nowMs).toISOString(),
    action,
    user: caller?.name ?? '-',
    service,
    resource_id,
    ip_address: received.address,
    status,
    request_id: received.requestId,
    trace: trace.id,
    operation,
    latency_ms: nowMs - received.startedMs,
    ...(txn === undefined ? {} : { txn }),
    ...(decision === undefined ? {} : { decision }),
    ...(reason === undefined ? {} : { reason }),
    ...(caller === undefined ? {} : { subject: caller.subject }),
    ...(session === undefined ? {} : { session }),
    ...(code === undefined ? {} : { code }),
    ...(caller?.testToken === true ? { test_token: true } : {}),
    ...(code !== undefined && code >= 400 && incidents.has(reason ?? '') ? { incident: true } : {}),
  }
}

/** Refusals that no mistake of a client explains. */
const incidents: ReadonlySet<string> = new Set<ProblemCode>([
  'answer-unverified',
  'test-token-refused',
  'test-tokens-not-allowed',
])

/** What was asked for, as far as it is known. */
function operationOf({
  received,
  routed,
  account,
  action: noted,
}: Progress): Readonly<Record<'action' | 'service' | 'resource_id' | 'operation', string>> {
  const destination = routed?.destination
  if (destination === undefined) {
    const operation = `${received.method} ${received.target.text.split('?')[0] ?? ''}`
    return { action: 'request', service: 'gateway', resource_id: '-', operation }
  }
  if (destination.kind !== 'module') {
    const { action, method, path } = destination
    // An operation of our own has at most one parameter in its path: what it is about.
    const [about = '-'] = Object.values(routed?.parameters ?? {})
    return {
      action: noted ?? action,
      service: 'gateway',
      resource_id: account ?? about,
      operation: `${method} ${path}`,
    }
  }
  const { manifest, operation } = destination
  const place = operation.resource?.id
  return {
    action: operation.resource === undefined ? 'request' : resourceActions[operation.resource.effect],
    service: manifest.name,
    resource_id: place?.from === 'path' ? (routed?.parameters[place.name] ?? '-') : '-',
    operation: `${operation.method} ${manifest.base}${operation.template}`,
  }
}
