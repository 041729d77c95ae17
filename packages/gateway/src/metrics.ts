import { Counter, Registry } from 'prom-client'
import { isProblemCode } from '@pop-api/protocol'
import type { Answer } from './answer.ts'
import type { Progress } from './progress.ts'

/** What the gateway counts. Labels come from our own lists only, so that no client can make a new series. */
export interface Metrics {
  /** One request that was answered behind the door. */
  readonly answered: (progress: Progress, answer: Answer) => void
  /** One refusal of the door itself. */
  readonly refusedAtDoor: (code: string) => void
  /** In the format of Prometheus. */
  readonly text: () => Promise<string>
  readonly json: () => Promise<MetricsDocument>
}

interface MetricsDocument {
  /** ISO 8601: counts begin here. */
  readonly since: string
  readonly requests: readonly {
    readonly service: string
    readonly operation: string
    readonly status: string
    readonly count: number
  }[]
  readonly refusals: readonly { readonly code: string; readonly count: number }[]
}

/** Makes the counters of one gateway. */
export function createMetrics(startedMs: number): Metrics {
  const registry = new Registry()
  const requests = new Counter({
    name: 'pop_requests_total',
    help: 'Requests that were answered behind the front door, by operation and status.',
    labelNames: ['service', 'operation', 'status'],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'pop_refusals_total',
    help: 'Refusals by the code of their problem.',
    labelNames: ['code'],
    registers: [registry],
  })
  return {
    answered: (progress, { status }) => {
      const [service, operation] = nameOf(progress)
      requests.inc({ service, operation, status: String(status) })
      if (status >= 400 && isProblemCode(progress.reason)) refusals.inc({ code: progress.reason })
      else if (status === 403) refusals.inc({ code: 'permission-denied' })
    },
    refusedAtDoor: (code) => refusals.inc({ code }),
    text: () => registry.metrics(),
    json: async () => ({
      since: new Date(startedMs).toISOString(),
      requests: (await requests.get()).values.map(({ labels, value }) => ({
        service: String(labels.service),
        operation: String(labels.operation),
        status: String(labels.status),
        count: value,
      })),
      refusals: (await refusals.get()).values.map(({ labels, value }) => ({ code: String(labels.code), count: value })),
    }),
  }
}

function nameOf({ routed }: Progress): readonly [string, string] {
  const destination = routed?.destination
  if (destination === undefined) return ['gateway', 'none']
  if (destination.kind !== 'module') return ['gateway', `${destination.method} ${destination.path}`]
  return [destination.manifest.name, destination.operation.id]
}
