import { describeExit } from './kept-process.ts'
import type { SupervisorEvent } from './events.ts'

/** Tells whoever started the supervisor of an event; `line` is the event as the log has it. */
export type Tell = (event: SupervisorEvent, line: string) => void

/** Each event as its line of JSON: for programs. */
export function tellLines(write: (text: string) => void): Tell {
  return (_event, line) => write(`${line}\n`)
}

/** A few lines for a person, of what that person can do something about. `words` stand behind each command that it shows. */
export function tellPerson(write: (text: string) => void, words: string): Tell {
  let isStopping = false
  return (event) => {
    isStopping ||= event.event === 'stopping'
    // The end of a process is no news once all of them are to end.
    const text = isStopping && event.event === 'ended' ? undefined : sentence(event, words)
    if (text !== undefined) write(`${text}\n`)
  }
}

function sentence(event: SupervisorEvent, words: string): string | undefined {
  switch (event.event) {
    case 'ready':
      return readyTable(event, words)
    case 'warning':
      return `Warning: ${event.warning}`
    case 'ended': {
      const how = describeExit({ code: event.code ?? undefined, signal: event.signal ?? undefined })
      return `${event.child} ended ${how}. See: npx pop logs ${event.child}${words}`
    }
    case 'restart_failed':
      return `${event.child} could not be started again: ${event.reason}`
    case 'child_ready':
      return event.start > 1 ? `${event.child} serves again.` : undefined
    case 'stopping':
      return '\nStopping. Ctrl-C again ends what does not stop by itself.'
    case 'killed':
      return `${event.child} did not stop and was killed.`
    case 'stopped':
      return 'Stopped. The next start goes on from here.'
    default:
      // What is followed by news of its own, or is told as the failure of the command.
      return undefined
  }
}

function readyTable(run: Extract<SupervisorEvent, { readonly event: 'ready' }>, words: string): string {
  const rows: (readonly [string, string])[] = [
    ['gateway', run.gateway],
    ['operations', run.operations],
    ['identity', run.issuer],
    ...Object.entries(run.modules),
    ['control', run.control],
    ['home', run.home],
    ['CA', run.ca],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
  const next = [`npx pop dev users${words}`, `npx pop login --user alice${words}`]
  return `\nPOP API is ready.\n\n${table}\n\nNext:  ${next.join('\n       ')}\n\nCtrl-C stops it.\n`
}
