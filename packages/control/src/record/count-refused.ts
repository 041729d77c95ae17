import type { AuditEvent, AuditLog } from '@pop-api/audit'

/** Refusals, counted: one event for each kind and second. */
export interface RefusedCounter {
  readonly count: (event: AuditEvent) => void
  /** Writes what is counted and stops. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** How many kinds of refusal one second tells apart; the rest share one event for each action and reason. */
const kindsMax = 1000

/** Starts the counter; it writes once a second. `failed` is told of what could not be written. */
export function countRefused(log: AuditLog, failed: (failure: unknown) => void): RefusedCounter {
  let counted = new Map<string, { readonly event: AuditEvent; count: number }>()
  let writing = Promise.resolve()
  const write = async (): Promise<void> => {
    const second = counted
    counted = new Map()
    try {
      await Promise.all([...second.values()].map(({ event, count }) => log.append({ ...event, count }, 'written')))
    } catch (failure) {
      failed(failure)
    }
  }
  const timer = setInterval(() => {
    if (counted.size > 0) writing = writing.then(write)
  }, 1000)
  return {
    count: (event) => {
      const own = keyOf(event)
      const isCrowded = counted.size >= kindsMax && !counted.has(own)
      const shared = isCrowded ? { ...event, user: '*', resource_id: '*', ip_address: '*' } : event
      const key = keyOf(shared)
      const present = counted.get(key)
      if (present === undefined) counted.set(key, { event: shared, count: 1 })
      else present.count++
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await writing
      await write()
    },
  }
}

function keyOf({ action, reason, user, resource_id, ip_address }: AuditEvent): string {
  return JSON.stringify([action, reason, user, resource_id, ip_address])
}
