import type { Registry } from 'prom-client'
import type { ModulesSection } from '@pop-api/protocol'
import { openSampled, type Sample } from './instruments.ts'
import { upstreamFaults, type Upstream, type Upstreams } from './upstreams.ts'

/** What the gateway knows anyhow, and tells when it is asked. */
export interface GaugeSources {
  readonly bulletinAgeMs: () => number
  /** The modules of the present bulletin; undefined while there is none. */
  readonly modules: () => ModulesSection | undefined
}

/** How the audit log keeps up. Whoever appends counts here. */
export interface Recording {
  /** Events that a request waits for. */
  waiting: number
  /** Events that were not written, or not in time. */
  lost: number
}

/** Registers everything that is read only when somebody asks. */
export function openGauges(
  registry: Registry,
  { bulletinAgeMs, modules }: GaugeSources,
  upstreams: Upstreams,
  recording: Recording,
): void {
  const each = (read: (upstream: Upstream) => Iterable<Sample>) => (): Iterable<Sample> =>
    perInstance(modules() ?? {}, upstreams, read)
  openSampled(
    registry,
    'pop_upstream_up',
    each(({ isUp }) => (isUp === undefined ? [] : [[Number(isUp)]])),
  )
  openSampled(
    registry,
    'pop_upstream_in_flight',
    each(({ inFlight }) => [[inFlight]]),
  )
  openSampled(
    registry,
    'pop_upstream_failures_total',
    each(({ failures }) => upstreamFaults.map((fault): Sample => [failures[fault], fault])),
  )
  openSampled(
    registry,
    'pop_upstream_stream_bytes_total',
    each(({ requestBytes, answerBytes }) => [
      [requestBytes, 'request'],
      [answerBytes, 'answer'],
    ]),
  )
  openSampled(registry, 'pop_bulletin_age_seconds', () => [[bulletinAgeMs() / 1000]])
  openSampled(registry, 'pop_audit_waiting', () => [[recording.waiting]])
  openSampled(registry, 'pop_audit_failures_total', () => [[recording.lost]])
}

/** The samples of the instances that the bulletin names, each behind the names of its service and itself. */
function* perInstance(
  modules: ModulesSection,
  upstreams: Upstreams,
  read: (upstream: Upstream) => Iterable<Sample>,
): Generator<Sample> {
  const present = new Set<string>()
  for (const { name, instances } of Object.values(modules)) {
    for (const { spiffe_id: id } of instances) {
      present.add(id)
      const upstream = upstreams.find(id)
      if (upstream === undefined) continue
      // The last segment of the identity is the name of the instance within its module.
      const instance = id.slice(id.lastIndexOf('/') + 1)
      for (const [value, ...labels] of read(upstream)) yield [value, name, instance, ...labels]
    }
  }
  upstreams.keep(present)
}

/** Registers what the process itself says: only values that Node keeps anyhow, so no timer and no observer. */
export function openProcessGauges(registry: Registry): void {
  openSampled(registry, 'process_start_time_seconds', () => [[performance.timeOrigin / 1000]])
  openSampled(registry, 'process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage()
    return [[(user + system) / 1e6]]
  })
  openSampled(registry, 'process_resident_memory_bytes', () => [[process.memoryUsage.rss()]])
  openSampled(registry, 'nodejs_heap_used_bytes', () => [[process.memoryUsage().heapUsed]])
  openSampled(registry, 'nodejs_external_memory_bytes', () => [[process.memoryUsage().external]])
  openSampled(registry, 'nodejs_eventloop_active_seconds_total', () => [
    [performance.eventLoopUtilization().active / 1000],
  ])
}
