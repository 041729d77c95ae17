import { destination, pino } from 'pino'

/** What a process tells its operator: one JSON line each, on standard error, where the supervisor keeps it. */
export interface ProcessLog {
  readonly info: (members: object, message: string) => void
  readonly warn: (members: object, message: string) => void
  /** `members.err` may be an Error: its causes and its stack are kept. */
  readonly error: (members: object, message: string) => void
  /** From now on nothing below this is written. */
  readonly setLevel: (level: 'info' | 'warn' | 'error') => void
}

/** Opens the log of a process. Lines are written at once: the last one before a crash is the one that matters. */
export function openProcessLog(name: string): ProcessLog {
  const base = { process: name }
  const serializers = { err: describe }
  const formatters = { level: (level: string) => ({ level }) }
  const log = pino(
    { base, serializers, formatters, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ fd: 2, sync: true }),
  )
  return {
    info: (members, message) => log.info(members, message),
    warn: (members, message) => log.warn(members, message),
    error: (members, message) => log.error(members, message),
    setLevel: (level) => {
      log.level = level
    },
  }
}

/**
 * An error as its names, words and places, with its causes. Nothing else that hangs on it is written: libraries hang answers there, and
 * in an answer of an identity provider there are tokens.
 */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { name, message, stack, cause } = error
  const code: unknown = Reflect.get(error, 'code')
  return {
    type: name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    stack,
    ...(cause instanceof Error ? { cause: describe(cause) } : {}),
  }
}
