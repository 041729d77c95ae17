/** `2026-01-31 12:00:00Z (in 59 min)`: a moment and how far it is from now. Both in milliseconds since 1970. */
export function readableTime(atMs: number, nowMs: number): string {
  const text = new Date(atMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d{3}Z$/, 'Z')
  const span = readableSpan(Math.abs(atMs - nowMs))
  return atMs >= nowMs ? `${text} (in ${span})` : `${text} (${span} ago)`
}

function readableSpan(spanMs: number): string {
  const seconds = Math.round(spanMs / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`
}

/** True for seconds since 1970 that a Date can hold. */
export function isEpochSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= 8_640_000_000_000
}
