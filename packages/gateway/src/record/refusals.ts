import type { AuditLog } from '@pop-api/audit'
import type { DoorRefusal } from '../front-door.ts'
import type { Recording } from '../metrics/gauges.ts'

/** Refusals of the door, counted: one event for each address, reason and second (security.md, audit durability). */
export interface RefusalCounter {
  readonly count: (refusal: Omit<DoorRefusal, 'behind'>) => void
  /** Writes what is counted and stops. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface RefusalCounterOptions {
  /** A space of its own: strangers decide how much comes here, so it must not crowd out anything else. */
  readonly audit: AuditLog
  readonly nowMs: () => number
  readonly alarm: (failure: unknown) => void
  /** Counts what could not be written. */
  readonly recording: Recording
}

interface Counted {
  readonly requestId: string
  readonly address: string
  readonly code: string
  readonly status: number
  readonly atMs: number
  count: number
}

/** How many kinds of refusal one second tells apart; the rest share one entry for each reason, with the address `*`. */
const kindsMax = 1000

/** Starts the counter; it writes once a second. */
export function countRefusals({ audit, nowMs, alarm, recording }: RefusalCounterOptions): RefusalCounter {
  let counted = new Map<string, Counted>()
  const write = async (): Promise<void> => {
    const second = counted
    counted = new Map()
    try {
      await Promise.all([...second.values()].map((entry) => audit.append(eventOf(entry), 'written')))
    } catch (failure) {
      recording.lost++
      alarm(failure)
    }
  }
  const timer = setInterval(() => {
    if (counted.size > 0) void write()
  }, 1000)
  return {
    count: ({ requestId, address, error: { code, status } }) => {
      const own = `${code} ${address}`
      const crowded = counted.size >= kindsMax && !counted.has(own)
      const key = crowded ? `${code} *` : own
      const present = counted.get(key)
      if (present === undefined)
        counted.set(key, { requestId, address: crowded ? '*' : address, code, status, atMs: nowMs(), count: 1 })
      else present.count++
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await write()
    },
  }
}

function eventOf({ requestId, address, code, status, atMs, count }: Counted): Parameters<AuditLog['append']>[0] {
  return {
    timestamp: new Date(atMs).toISOString(),
    action: 'refusal',
    user: '-',
    service: 'gateway',
    resource_id: '-',
    ip_address: address,
    status: 'refused',
    request_id: requestId,
    reason: code,
    code: status,
    count,
  }
}
