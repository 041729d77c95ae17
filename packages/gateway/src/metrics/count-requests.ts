import { STATUS_CODES } from 'node:http'
import type { Counter, Registry } from 'prom-client'
import { problemCatalogue } from '@pop-api/protocol'
import type { Destination } from '../route/destination.ts'
import { openCounter, openHistogram, type LatencyChild, type Series } from './instruments.ts'

/** Requests that were answered, by operation. */
export interface RequestCounter {
  readonly count: (destination: Destination | undefined, status: number, seconds: number) => void
  readonly rows: Series['rows']
}

/** What is counted of one operation, looked up once. */
interface OperationSeries {
  readonly latency: LatencyChild
  readonly statuses: Map<number, Counter.Internal>
}

/** A module may answer with any number: those that nobody has defined share one name. */
const definedStatuses: ReadonlySet<number> = new Set([
  ...Object.keys(STATUS_CODES).map(Number),
  ...Object.values(problemCatalogue).map(({ status }) => status),
])

/** Registers `pop_requests_total` and `pop_request_seconds`. */
export function openRequestCounter(registry: Registry): RequestCounter {
  const requests = openCounter(registry, 'pop_requests_total')
  const latency = openHistogram(registry, 'pop_request_seconds')
  const open = (destination: Destination | undefined): OperationSeries => ({
    latency: latency(...nameOf(destination)),
    statuses: new Map(),
  })
  const unrouted = open(undefined)
  const routed = new WeakMap<Destination, OperationSeries>()
  const seriesOf = (destination: Destination): OperationSeries => {
    let series = routed.get(destination)
    if (series === undefined) routed.set(destination, (series = open(destination)))
    return series
  }
  return {
    rows: requests.rows,
    count: (destination, status, seconds) => {
      const series = destination === undefined ? unrouted : seriesOf(destination)
      series.latency.observe(seconds)
      let child = series.statuses.get(status)
      if (child === undefined) {
        child = requests.of(...nameOf(destination), definedStatuses.has(status) ? String(status) : 'other')
        series.statuses.set(status, child)
      }
      child.inc()
    },
  }
}

/** Service and operation, as the routes name them. */
export function nameOf(destination: Destination | undefined): readonly [service: string, operation: string] {
  if (destination === undefined) return ['gateway', 'none']
  if (destination.kind !== 'module') return ['gateway', `${destination.method} ${destination.path}`]
  return [destination.manifest.name, destination.operation.id]
}
