import { destination, pino } from 'pino'

/** What a process tells its operator: one JSON line each, on standard error, where the supervisor keeps it. */
export interface ProcessLog {
  readonly info: (members: object, message: string) => void
  readonly warn: (members: object, message: string) => void
  /** `members.err` may be an Error: its causes and its stack are kept. */
  readonly error: (members: object, message: string) => void
}

/** Opens the log of a process. Lines are written at once: the last one before a crash is the one that matters. */
export function openProcessLog(name: string): ProcessLog {
  const base = { process: name }
  const formatters = { level: (level: string) => ({ level }) }
  return pino(
    { base, formatters, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ fd: 2, sync: true }),
  )
}
