import { openLogFile } from './log-file.ts'
import { logPath } from './process-output.ts'
import type { ProgramName } from './programs.ts'
import type { RunFile } from './run-file.ts'

/** What happens to a run, as it is written down and told. */
export type SupervisorEvent =
  | { readonly event: 'started'; readonly child: ProgramName; readonly pid: number }
  | { readonly event: 'child_ready'; readonly child: ProgramName; readonly pid: number; readonly start: number }
  | {
      readonly event: 'ended'
      readonly child: ProgramName
      readonly pid: number
      readonly code: number | null
      readonly signal: string | null
    }
  | { readonly event: 'restarting'; readonly child: ProgramName; readonly in_ms: number }
  | { readonly event: 'restart_failed'; readonly child: ProgramName; readonly reason: string }
  | { readonly event: 'warning'; readonly warning: string }
  | ({ readonly event: 'ready'; readonly home: string } & RunFile)
  | { readonly event: 'stopping' }
  | { readonly event: 'killed'; readonly child: ProgramName; readonly pid: number }
  | { readonly event: 'stopped' }
  | { readonly event: 'failed'; readonly reason: string }

export interface SupervisorLog {
  readonly emit: (event: SupervisorEvent) => void
  readonly [Symbol.dispose]: () => void
}

const troubles: readonly SupervisorEvent['event'][] = ['restarting', 'restart_failed', 'warning', 'killed', 'failed']

/** Opens `<home>/logs/supervisor.log`, one line of JSON for each event; `tell` hears of each as well. */
export function openSupervisorLog(
  home: string,
  tell: (event: SupervisorEvent, line: string) => void,
  nowMs: () => number = Date.now,
): SupervisorLog {
  const file = openLogFile(logPath(home, 'supervisor'))
  return {
    emit: (event) => {
      const level = troubles.includes(event.event) ? 'warn' : 'info'
      const line = JSON.stringify({ level, time: new Date(nowMs()).toISOString(), process: 'supervisor', ...event })
      file.write(line)
      tell(event, line)
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  }
}
