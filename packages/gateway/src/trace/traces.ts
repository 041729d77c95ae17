import { formatTraceParent, parseTraceParent } from '@pop-api/protocol'

/** The part of a trace that is one request at this gateway. */
export interface Trace {
  /** Trace id: what stands in the audit events of the gateway and of the module. */
  readonly id: string
  /** The field for the module: this trace, and the span of the gateway in it. */
  readonly traceparent: string
}

/** Gives the trace of a request by its field `traceparent`. */
export type Traces = (traceparent: string | undefined) => Trace

const traceIdBytes = 16
const spanIdBytes = 8
const poolBytes = 4096

/**
 * Continues the trace of a valid `traceparent` under a span of our own (W3C Trace Context, level 1, section 4.2); for none, or one
 * that is not valid, it begins a trace that nobody samples. `fill` fills bytes with randomness: it is asked for many ids at once, since
 * for each request it would cost more than all the rest. (An id of zeros alone is invalid; it does not come before 2^64 others.)
 */
export function createTraces(fill: (bytes: Buffer) => void): Traces {
  const pool = Buffer.alloc(poolBytes)
  let used = poolBytes
  const take = (bytes: number): string => {
    if (used + bytes > poolBytes) {
      fill(pool)
      used = 0
    }
    const start = used
    used += bytes
    return pool.toString('hex', start, used)
  }
  return (traceparent) => {
    const spanId = take(spanIdBytes)
    const parent = traceparent === undefined ? undefined : parseTraceParent(traceparent)
    const { traceId, sampled } = parent ?? { traceId: take(traceIdBytes), sampled: false }
    return { id: traceId, traceparent: formatTraceParent({ traceId, spanId, sampled }) }
  }
}
