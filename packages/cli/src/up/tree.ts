import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '@pop-api/protocol'
import { controlBoot, enrolments, memberBoot } from './boot-documents.ts'
import { startChild, type Child } from './child.ts'
import { childEnvironment } from './child-environment.ts'
import { openControlDesk } from './control-desk.ts'
import type { SupervisorLog } from './events.ts'
import { KeptProcess } from './kept-process.ts'
import { writeOwnFile } from './own-file.ts'
import type { Ports } from './ports.ts'
import type { Prepared } from './prepare.ts'
import { openProcessOutput, type ProcessOutput } from './process-output.ts'
import { moduleNames, programPath, startOrder, type ProgramName } from './programs.ts'
import type { RunFile } from './run-file.ts'
import { openRunState, type RunState } from './run-state.ts'

export interface TreeOptions {
  readonly prepared: Prepared
  readonly ports: Ports
  readonly log: SupervisorLog
  /** Of the supervisor; children get what they are entitled to. */
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Ends the patience of a stop. */
  readonly force: AbortSignal
}

/** All processes of a run. Disposing it stops whichever of them have been started, the gateway first and control last. */
export class Tree implements AsyncDisposable {
  readonly #options: TreeOptions
  readonly #bootFolder: string
  /** What Node compiled, a folder for each process: its next start takes half the time. */
  readonly #compiledFolder: string
  readonly #state: RunState
  readonly #outputs: Readonly<Record<ProgramName, ProcessOutput>>
  readonly #processes: Readonly<Record<ProgramName, KeptProcess>>
  readonly #desk = openControlDesk(() => this.#processes.control)
  #isComplete = false

  constructor(options: TreeOptions) {
    const { home } = options.prepared
    this.#options = options
    this.#bootFolder = join(home, 'boot')
    this.#compiledFolder = join(home, 'compiled')
    this.#state = openRunState(options.prepared, options.ports)
    this.#outputs = mapPrograms((name) => openProcessOutput(home, name))
    this.#processes = mapPrograms((name) => this.#keep(name))
  }

  /** The last lines that a process wrote. */
  lastLines(name: ProgramName): readonly string[] {
    return this.#outputs[name].lastLines()
  }

  /** Starts everything and writes `run.json`. Throws `FirstStartError` for a process that did not become ready. */
  async start(): Promise<RunFile> {
    const { control, identity, gateway } = this.#processes
    // What an earlier run could not remove holds tokens that nobody shall use any more.
    await rm(this.#bootFolder, { recursive: true, force: true })
    await mkdir(this.#bootFolder, { mode: 0o700 })
    await mkdir(this.#compiledFolder, { recursive: true, mode: 0o700 })
    await control.start()
    if (this.#options.prepared.clientSecret !== undefined) await identity.start()
    const modules = moduleNames.map((name) => this.#processes[name].start())
    await Promise.all([...modules, gateway.start()])
    this.#isComplete = true
    await this.#state.write(true)
    return this.#state.runFile()
  }

  /** Stops the processes one after the other, each within ten seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isComplete = false
    for (const name of startOrder.toReversed()) await this.#processes[name][Symbol.asyncDispose]()
    for (const output of Object.values(this.#outputs)) output[Symbol.dispose]()
  }

  #keep(name: ProgramName): KeptProcess {
    const { log, force } = this.#options
    return new KeptProcess({
      name,
      log,
      force,
      launch: (stopping) => this.#launch(name, stopping),
      onReady: (message) => this.#takeReady(name, message),
    })
  }

  async #launch(name: ProgramName, stopping: AbortSignal): Promise<Child> {
    const bootPath = join(this.#bootFolder, `${randomBytes(16).toString('hex')}.json`)
    await writeOwnFile(bootPath, JSON.stringify(await this.#bootOf(name, stopping)))
    const child = startChild({
      program: programPath(name),
      environment: childEnvironment(this.#options.environment, this.#secretsOf(name), {
        POP_BOOT: bootPath,
        NODE_COMPILE_CACHE: join(this.#compiledFolder, name),
      }),
      onLine: this.#outputs[name].write,
      onMessage: name === 'control' ? this.#desk.take : () => undefined,
    })
    // A child that ended before it read its file has not removed it.
    void child.exit.then(() => rm(bootPath, { force: true }))
    if (child.pid !== undefined) this.#state.takeStart(name, child.pid)
    await this.#noteState()
    return child
  }

  async #bootOf(name: ProgramName, stopping: AbortSignal): Promise<JsonObject> {
    const { prepared } = this.#options
    const ports = this.#state.ports()
    if (name === 'control') return controlBoot(prepared, ports, this.#state.issuer())
    const token = await this.#desk.token(enrolments[name].name, enrolments[name].kind, stopping)
    return memberBoot(name, prepared, ports, this.#state.controlFacts(), token)
  }

  /** Names of environment variables in which the operator handed over a secret of this process. */
  #secretsOf(name: ProgramName): readonly string[] {
    const reference = this.#options.prepared.section.identity.client_secret
    return name === 'gateway' && reference !== undefined && 'env' in reference ? [reference.env] : []
  }

  async #takeReady(name: ProgramName, message: JsonObject): Promise<void> {
    const before = this.#state.issuer()
    await this.#state.takeReady(name, message)
    await this.#noteState()
    const issuer = this.#state.issuer()
    if (issuer === undefined || issuer === before) return
    const { section } = this.#options.prepared
    this.#desk.publishSettings({ ...section, identity: { ...section.identity, issuer } })
  }

  /** A start goes on in any case: its child must not be lost over a full disk. */
  async #noteState(): Promise<void> {
    try {
      await this.#state.write(this.#isComplete)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.log.emit({ event: 'warning', warning: `the state of the run cannot be written: ${reason}` })
    }
  }
}

function mapPrograms<T>(make: (name: ProgramName) => T): Record<ProgramName, T> {
  return {
    control: make('control'),
    identity: make('identity'),
    kafka_service: make('kafka_service'),
    s3_service: make('s3_service'),
    gateway: make('gateway'),
  }
}
