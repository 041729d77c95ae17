import type { JsonObject } from '@pop-api/protocol'
import type { ControlFacts } from './boot-documents.ts'
import { writeFamily } from './family.ts'
import { writeOwnFile } from './own-file.ts'
import type { Ports } from './ports.ts'
import { publicCaPath, type Prepared } from './prepare.ts'
import { moduleNames, startOrder, type ListenerName, type ProgramName } from './programs.ts'
import { writeRunFile, type RunFile, type RunProcess } from './run-file.ts'

/** What is known of a run: who is there, where they listen, and what they said when they were ready. */
export interface RunState {
  /** With the port that a listener had at its first start: its next start is to be found at the same place. */
  readonly ports: () => Ports
  /** Exact `iss` of access tokens; undefined until the embedded provider is ready. */
  readonly issuer: () => string | undefined
  /** Throws before control was ready. */
  readonly controlFacts: () => ControlFacts
  /** Throws before everything was ready. */
  readonly runFile: () => RunFile
  readonly takeStart: (name: ProgramName, pid: number) => void
  /** Takes the message `ready` of a process and writes the public CA when it is control's. Throws for one without its members. */
  readonly takeReady: (name: ProgramName, message: JsonObject) => Promise<void>
  /** Writes down who is there, and `run.json` once the run is complete; one write after the other, so that the last one stays. */
  readonly write: (isComplete: boolean) => Promise<void>
}

/** The state of a run of which nothing has been started yet. */
export function openRunState({ home, settings }: Prepared, chosen: Ports): RunState {
  const ports: Record<ListenerName, number> = { ...chosen }
  const urls = new Map<ListenerName, string>()
  const processes = new Map<ProgramName, RunProcess>()
  let rootSpkiSha256 = ''
  let { issuer } = settings.identity
  let writing: Promise<void> = Promise.resolve()

  const hold = (listener: ListenerName, url: string): void => {
    urls.set(listener, url)
    ports[listener] = Number(new URL(url).port)
  }
  const urlOf = (listener: ListenerName): string => {
    const url = urls.get(listener)
    if (url === undefined) throw new Error(`${listener} has not been ready yet`)
    return url
  }
  const runFile = (): RunFile => ({
    version: 1,
    supervisor: { pid: process.pid },
    processes: processesOf(processes),
    gateway: urlOf('gateway'),
    ...(urls.has('gatewayMtls') ? { gatewayMtls: urlOf('gatewayMtls') } : {}),
    operations: urlOf('operations'),
    control: urlOf('control'),
    admin: urlOf('admin'),
    issuer: issuer ?? '',
    modules: Object.fromEntries(moduleNames.map((name) => [name, urlOf(name)])),
    ca: publicCaPath(home),
  })
  const writeFiles = async (isComplete: boolean): Promise<void> => {
    const children = [...processes.values()].map(({ pid }) => pid)
    await writeFamily(home, { supervisor: process.pid, children })
    if (isComplete) await writeRunFile(home, runFile())
  }
  return {
    ports: () => ({ ...ports }),
    issuer: () => issuer,
    controlFacts: () => ({ control: urlOf('control'), admin: urlOf('admin'), rootSpkiSha256 }),
    runFile,
    takeStart: (name, pid) => {
      processes.set(name, { pid, starts: (processes.get(name)?.starts ?? 0) + 1, ready: false })
    },
    takeReady: async (name, message) => {
      if (name === 'control') {
        hold('control', textOf(name, message, 'control'))
        hold('admin', textOf(name, message, 'admin'))
        rootSpkiSha256 = textOf(name, message, 'root_spki_sha256')
        await writeOwnFile(publicCaPath(home), textOf(name, message, 'ca_pem'), 0o644)
      } else if (name === 'identity') {
        issuer = textOf(name, message, 'issuer')
        hold('identity', issuer)
      } else if (name === 'gateway') {
        hold('gateway', textOf(name, message, 'gateway'))
        hold('operations', textOf(name, message, 'operations'))
        if (message['gatewayMtls'] !== undefined) hold('gatewayMtls', textOf(name, message, 'gatewayMtls'))
      } else {
        hold(name, textOf(name, message, 'address'))
      }
      const started = processes.get(name)
      if (started !== undefined) processes.set(name, { ...started, ready: true })
    },
    write: async (isComplete) => {
      const written = writing.then(() => writeFiles(isComplete))
      // A failure is told to whoever asked for this write; the next write does not inherit it.
      writing = written.catch(() => undefined)
      await written
    },
  }
}

function processesOf(processes: ReadonlyMap<ProgramName, RunProcess>): RunFile['processes'] {
  const entries = startOrder.flatMap((name) => {
    const found = processes.get(name)
    return found === undefined ? [] : [[name, found] as const]
  })
  return Object.fromEntries(entries)
}

function textOf(name: ProgramName, message: JsonObject, member: string): string {
  const value = message[member]
  if (typeof value === 'string') return value
  throw new Error(`${name} said that it is ready without "${member}"`)
}
