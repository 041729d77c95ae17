/** What one check found. `skip`: it could not be looked at now, and that is no fault. */
export type State = 'ok' | 'warn' | 'fail' | 'skip'

/** One thing that was looked at. */
export interface Finding {
  /** The name of the check: several findings may have the same. */
  readonly check: string
  readonly state: State
  readonly message: string
  /** What to do; only for `warn` and `fail`. */
  readonly remedy?: string
}

/** All is well. */
export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message }
}

/** It works, and will not for long or not as well as it could. */
export function warn(check: string, message: string, remedy: string): Finding {
  return { check, state: 'warn', message, remedy }
}

/** It does not work, or is not safe. */
export function fail(check: string, message: string, remedy: string): Finding {
  return { check, state: 'fail', message, remedy }
}

/** It was not looked at. */
export function skip(check: string, message: string): Finding {
  return { check, state: 'skip', message }
}
