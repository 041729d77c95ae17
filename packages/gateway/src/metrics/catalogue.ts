/** One metric: what Prometheus is told of it. */
export interface MetricKind {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}

/**
 * Every metric of the gateway; `docs/reference/metrics.md` is generated from here. What a label says comes from lists of ours (stages,
 * problem codes, operations of approved manifests, instances of the bulletin), never from a request. No label is named `instance`:
 * Prometheus gives that name to whatever it asks.
 */
export const metricCatalogue = {
  pop_requests_total: {
    type: 'counter',
    help: 'Requests that were answered behind the front door, by operation and status.',
    labels: ['service', 'operation', 'status'],
  },
  pop_request_seconds: {
    type: 'histogram',
    help: 'From the arrival of a request to its recorded answer; of a streamed answer, to its end.',
    labels: ['service', 'operation'],
  },
  pop_refusals_total: {
    type: 'counter',
    help: 'Refusals of the gateway, by the stage that refused and the code of the problem.',
    labels: ['stage', 'code'],
  },
  pop_token_failures_total: {
    type: 'counter',
    help: 'Requests whose credential did not prove who calls, by what was wrong with it.',
    labels: ['reason'],
  },
  pop_sign_in_failures_total: {
    type: 'counter',
    help: 'Sign-ins and refreshes that gave no token, by what was wrong; `locked`: the provider was not asked.',
    labels: ['action', 'reason'],
  },
  pop_seal_failures_total: {
    type: 'counter',
    help: 'Seals that did not hold: of an answer, by our check, or of a request, by what the module says. Each deserves a look.',
    labels: ['service', 'side', 'reason'],
  },
  pop_upstream_up: {
    type: 'gauge',
    help: '1 where the last call of an instance ended in an answer that verified, 0 where it did not; absent before the first.',
    labels: ['service', 'service_instance'],
  },
  pop_upstream_in_flight: {
    type: 'gauge',
    help: 'Calls of an instance that are under way, streams included.',
    labels: ['service', 'service_instance'],
  },
  pop_upstream_failures_total: {
    type: 'counter',
    help: 'Calls that ended in no verified answer, by reason; also where another instance then gave one.',
    labels: ['service', 'service_instance', 'reason'],
  },
  pop_upstream_stream_bytes_total: {
    type: 'counter',
    help: 'Bytes of streamed bodies: of requests, as they left for an instance, and of answers, as they came from it.',
    labels: ['service', 'service_instance', 'direction'],
  },
  pop_bulletin_age_seconds: {
    type: 'gauge',
    help: 'Since control last said what the present bulletin is. Changes are refused above 900.',
    labels: [],
  },
  pop_audit_waiting: {
    type: 'gauge',
    help: 'Events for whose place in the audit log a request waits now.',
    labels: [],
  },
  pop_audit_failures_total: {
    type: 'counter',
    help: 'Events that the audit log did not take, or not in time.',
    labels: [],
  },
  process_start_time_seconds: { type: 'gauge', help: 'When the process began, since 1970.', labels: [] },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time of the process, user and system.', labels: [] },
  process_resident_memory_bytes: { type: 'gauge', help: 'Memory of the process that is in RAM.', labels: [] },
  nodejs_heap_used_bytes: { type: 'gauge', help: 'JavaScript heap in use.', labels: [] },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    help: 'Memory of objects outside that heap, buffers included.',
    labels: [],
  },
  nodejs_eventloop_active_seconds_total: {
    type: 'counter',
    help: 'Time that the event loop had work; its rate is how busy the one thread of this gateway is.',
    labels: [],
  },
} as const satisfies Record<string, MetricKind>

export type MetricName = keyof typeof metricCatalogue

/** Upper bounds of the latency histogram, in seconds: from a read that nothing delays to a long stream. */
export const latencyBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600,
] as const
