import { resourceActions, type AuditEvent, type AuditLog, type AuditStatus } from '@pop-api/audit'
import { PopError } from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Progress } from '../progress.ts'

export interface Recorder {
  readonly audit: AuditLog
  readonly level: 'full' | 'basic'
  /** Told of each event that could not be written; with `basic` the request goes on without it. */
  readonly alarm: (failure: unknown) => void
  readonly nowMs: () => number
}

function isChange(progress: Progress): boolean {
  const method = progress.received.method
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

/** Announces a change before it is forwarded. Durable, or the request is refused with `audit-unavailable`. */
export async function recordOpening(progress: Progress, recorder: Recorder): Promise<void> {
  if (!isChange(progress)) return
  await append(eventOf(progress, recorder, 'opened', undefined), 'durable', recorder)
}

/** The one closing event of a request, before its answer leaves. For a change it is durable. */
export async function recordClosing(progress: Progress, answer: Answer, recorder: Recorder): Promise<void> {
  const status: AuditStatus = answer.status < 400 ? 'success' : answer.status < 500 ? 'refused' : 'failure'
  const event = eventOf(progress, recorder, status, answer.status)
  await append(event, isChange(progress) && progress.opened ? 'durable' : 'written', recorder)
}

async function append(
  event: AuditEvent,
  until: 'written' | 'durable',
  { audit, level, alarm }: Recorder,
): Promise<void> {
  try {
    await audit.append(event, until)
  } catch (cause) {
    alarm(cause)
    if (level === 'full')
      throw new PopError('audit-unavailable', 'The request could not be recorded.', {
        cause,
        headers: { 'retry-after': '5' },
      })
  }
}

function eventOf(progress: Progress, recorder: Recorder, status: AuditStatus, code: number | undefined): AuditEvent {
  const { received, routed, caller, decision, reason, txn } = progress
  const nowMs = recorder.nowMs()
  const operation = routed?.destination.operation
  const place = operation?.resource?.id
  return {
    timestamp: new Date(nowMs).toISOString(),
    action: operation?.resource === undefined ? 'request' : resourceActions[operation.resource.effect],
    user: caller?.name ?? '-',
    service: routed?.destination.manifest.name ?? 'gateway',
    resource_id: place?.from === 'path' ? (routed?.parameters[place.name] ?? '-') : '-',
    ip_address: received.address,
    status,
    request_id: received.requestId,
    operation:
      routed === undefined
        ? `${received.method} ${received.target.text.split('?')[0] ?? ''}`
        : `${received.method} ${routed.destination.manifest.base}${routed.destination.operation.template}`,
    latency_ms: nowMs - received.startedMs,
    ...(txn === undefined ? {} : { txn }),
    ...(decision === undefined ? {} : { decision }),
    ...(reason === undefined ? {} : { reason }),
    ...(caller === undefined ? {} : { subject: caller.subject }),
    ...(code === undefined ? {} : { code }),
  }
}
