import { PopError } from '@pop-api/module'
import type { ByteRange } from './driver/object-driver.ts'

const shape = /^bytes=(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))$/

/**
 * The one range that a `Range` asks for (RFC 9110, section 14.1.2). Undefined for none, for several and for what is no byte range:
 * those get the whole, as section 14.2 allows. Throws `range-not-satisfiable` where the object ends before it begins.
 */
export function byteRange(field: string | undefined, bytes: number): ByteRange | undefined {
  const [text, first, last, suffix] = shape.exec(field ?? '') ?? []
  if (text === undefined) return undefined
  const from = suffix === undefined ? Number(first) : Math.max(0, bytes - Number(suffix))
  const to = last === undefined ? bytes : Math.min(bytes, Number(last) + 1)
  // Backwards is no range at all.
  if (last !== undefined && Number(last) < from) return undefined
  if (from >= bytes) {
    const headers = { 'content-range': `bytes */${bytes}` }
    throw new PopError('range-not-satisfiable', `The object has ${bytes} bytes.`, { headers })
  }
  return { from, to }
}
