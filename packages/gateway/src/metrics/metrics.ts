import { Registry } from 'prom-client'
import type { PopError, ProblemCode } from '@pop-api/protocol'
import type { Progress } from '../progress.ts'
import { openRefusalTally } from './count-refusals.ts'
import { openRequestCounter } from './count-requests.ts'
import { openGauges, openProcessGauges, type GaugeSources, type Recording } from './gauges.ts'
import { createUpstreams, type Upstreams } from './upstreams.ts'

/** What the gateway counts. Labels come from our own lists only, so that no client can make a new series. */
export interface Metrics {
  /** Milliseconds of a clock that nobody sets; `Progress.beganMs` is of it. */
  readonly ticksMs: () => number
  /** One request that was answered behind the door, once its answer is recorded and, of a stream, at its end. */
  readonly answered: (progress: Progress, status: number) => void
  /** One refusal behind the door of which the door tells the client. */
  readonly refused: (progress: Progress, failure: PopError) => void
  /** One refusal of the door itself. */
  readonly refusedAtDoor: (code: ProblemCode) => void
  readonly upstreams: Upstreams
  readonly recording: Recording
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
  readonly refusals: readonly { readonly stage: string; readonly code: string; readonly count: number }[]
}

export interface MetricsOptions extends GaugeSources {
  /** When counting began, since 1970. */
  readonly startedMs: number
  readonly ticksMs: () => number
}

/** Makes the metrics of one gateway. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { ticksMs, startedMs } = options
  const registry = new Registry()
  const requests = openRequestCounter(registry)
  const refusals = openRefusalTally(registry)
  const upstreams = createUpstreams()
  const recording: Recording = { waiting: 0, lost: 0 }
  openGauges(registry, options, upstreams, recording)
  openProcessGauges(registry)
  return {
    ticksMs,
    upstreams,
    recording,
    answered: (progress, status) => {
      requests.count(progress.routed?.destination, status, (ticksMs() - progress.beganMs) / 1000)
      if (progress.refusal !== undefined) refusals.count(progress, progress.refusal)
    },
    refused: refusals.count,
    refusedAtDoor: refusals.countAtDoor,
    text: () => registry.metrics(),
    json: async () => ({
      since: new Date(startedMs).toISOString(),
      requests: (await requests.rows()).map(({ labels, count }) => ({
        service: String(labels['service']),
        operation: String(labels['operation']),
        status: String(labels['status']),
        count,
      })),
      refusals: (await refusals.rows()).map(({ labels, count }) => ({
        stage: String(labels['stage']),
        code: String(labels['code']),
        count,
      })),
    }),
  }
}
