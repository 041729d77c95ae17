import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { latencyBuckets, metricCatalogue, type MetricKind, type MetricName } from './catalogue.ts'

/** The series of a counter. */
export interface Series {
  /** The one of these label values, which MUST come from a list of ours; made once, so that counting looks nothing up. */
  readonly of: (...values: readonly string[]) => Counter.Internal
  /** What is counted so far. */
  readonly rows: () => Promise<
    readonly { readonly labels: Readonly<Record<string, unknown>>; readonly count: number }[]
  >
}

/** A value that is there already, with its label values. */
export type Sample = readonly [value: number, ...labels: string[]]

function configuration(registry: Registry, name: MetricName) {
  const { help, labels }: MetricKind = metricCatalogue[name]
  return { name, help, labelNames: [...labels], registers: [registry] }
}

/** A counter that is counted up where something happens. */
export function openCounter(registry: Registry, name: MetricName): Series {
  const counter = new Counter(configuration(registry, name))
  const children = new Map<string, Counter.Internal>()
  return {
    of: (...values) => {
      const key = values.join('\n')
      let child = children.get(key)
      if (child === undefined) children.set(key, (child = counter.labels(...values)))
      return child
    },
    rows: async () => (await counter.get()).values.map(({ labels, value }) => ({ labels, count: value })),
  }
}

/** The latency histogram; gives the child of an operation. */
export function openHistogram(registry: Registry, name: MetricName): (...values: readonly string[]) => LatencyChild {
  const histogram = new Histogram({ ...configuration(registry, name), buckets: [...latencyBuckets] })
  return (...values) => histogram.labels(...values)
}

export type LatencyChild = Histogram.Internal<string>

/** A gauge or counter that somebody keeps anyhow: it costs nothing before it is asked for, and what is gone is not shown. */
export function openSampled(registry: Registry, name: MetricName, read: () => Iterable<Sample>): void {
  const { type, labels: names }: MetricKind = metricCatalogue[name]
  const labelled = (labels: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((label, index) => [label, labels[index] ?? '']))
  const options = configuration(registry, name)
  if (type === 'counter') {
    const counter: Counter = new Counter({
      ...options,
      collect: () => {
        counter.reset()
        for (const [value, ...labels] of read()) counter.inc(labelled(labels), value)
      },
    })
    return
  }
  const gauge: Gauge = new Gauge({
    ...options,
    collect: () => {
      gauge.reset()
      for (const [value, ...labels] of read()) gauge.set(labelled(labels), value)
    },
  })
}
