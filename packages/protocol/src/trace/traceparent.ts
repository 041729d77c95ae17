import type { FlatFields } from '../seal/terms.ts'

/** Where a request stands in a trace: the field `traceparent` (W3C Trace Context, level 1, section 3.2). */
export interface TraceParent {
  /** 32 lower-case hexadecimal digits, not all of them zero. */
  readonly traceId: string
  /** Id of the caller's span: 16 of them. */
  readonly spanId: string
  /** Whether the caller records what it does. */
  readonly sampled: boolean
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zeros = /^0+$/

/**
 * Reads a `traceparent`, or gives undefined for one that is not valid. A version above 00 is read as far as 00 goes (section 3.2.2);
 * ff is none. Of the flags, `sampled` alone has a meaning. Untrusted input.
 */
export function parseTraceParent(text: string): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = shape.exec(text) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (zeros.test(traceId) || zeros.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Writes a `traceparent` of version 00. */
export function formatTraceParent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

/** The trace to which a message belongs by its fields; undefined where they name none. */
export function traceIdOf(fields: FlatFields): string | undefined {
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (fields[index] === 'traceparent') return parseTraceParent(fields[index + 1] ?? '')?.traceId
  return undefined
}
