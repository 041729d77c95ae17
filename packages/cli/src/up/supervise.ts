import { CommandFailure, exitCodes } from '../command-failure.ts'
import { openSupervisorLog, type SupervisorLog } from './events.ts'
import { outliveOrphans, removeFamily } from './family.ts'
import { findSettings } from './find-settings.ts'
import { lockHome } from './home.ts'
import { FirstStartError } from './kept-process.ts'
import { choosePorts, refuseTakenPorts } from './ports.ts'
import { prepare } from './prepare.ts'
import { logPath } from './process-output.ts'
import { listeners } from './programs.ts'
import { awaitReadiness } from './readiness.ts'
import { removeRunFile } from './run-file.ts'
import type { StopSignals } from './stop-signals.ts'
import type { Tell } from './tell.ts'
import { Tree } from './tree.ts'

export interface SuperviseOptions {
  /** Path of the home, made if it is absent. */
  readonly home: string
  /** Path of a settings file. */
  readonly config: string | undefined
  /** Undefined: the usual ports. */
  readonly portBase: number | undefined
  readonly signals: StopSignals
  readonly environment: Readonly<NodeJS.ProcessEnv>
  readonly tell: Tell
}

/** A gateway that has started knows all that it needs within moments; without it, it serves what it can. */
const readinessMsMax = 5_000

/**
 * Runs the whole tree until it is told to stop; resolves after a stop, forced or not. Throws a CommandFailure: `usage` for a home,
 * settings or ports that are not usable and for a process that finds its configuration so, `refused` for another failed start.
 */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { config, portBase, signals, tell, environment } = options
  using home = await lockHome(options.home)
  const found = await findSettings(config, home.path)
  await outliveOrphans(home.path)
  await removeRunFile(home.path)
  const ports = choosePorts(portBase)
  const { identity, listeners: wanted } = found.settings
  const used = listeners.filter(
    ({ name, program }) =>
      (program !== 'identity' || identity.provider === 'embedded') && (name !== 'gatewayMtls' || wanted.gateway_mtls),
  )
  await refuseTakenPorts(
    ports,
    used.map(({ name }) => name),
  )
  // Nothing is made for a start that is refused.
  const prepared = await prepare(home.path, found, environment)
  using log = openSupervisorLog(home.path, tell)
  await using tree = new Tree({ prepared, ports, log, environment, force: signals.force })
  const stopped = Promise.withResolvers<void>()
  // Stopping begins with the signal, also in the middle of a start, which then fails for that reason.
  const stop = (): void => {
    log.emit({ event: 'stopping' })
    stopped.resolve(tree[Symbol.asyncDispose]())
  }
  if (signals.stop.aborted) stop()
  else signals.stop.addEventListener('abort', stop, { once: true })
  try {
    const run = await tree.start()
    const { ready, faults } = await awaitReadiness(run, readinessMsMax, signals.stop)
    if (!signals.stop.aborted) {
      if (!ready) log.emit({ event: 'warning', warning: `the gateway is not ready: ${faults.join('; ')}` })
      log.emit({ event: 'ready', home: home.path, ...run })
    }
    await stopped.promise
  } catch (error) {
    if (!signals.stop.aborted) {
      signals.stop.removeEventListener('abort', stop)
      throw await failedStart(error, tree, home.path, log)
    }
    await stopped.promise
  }
  await removeRunFile(home.path)
  await removeFamily(home.path)
  log.emit({ event: 'stopped' })
}

async function failedStart(error: unknown, tree: Tree, home: string, log: SupervisorLog): Promise<unknown> {
  await tree[Symbol.asyncDispose]()
  await removeFamily(home)
  log.emit({ event: 'failed', reason: error instanceof Error ? error.message : String(error) })
  if (!(error instanceof FirstStartError)) return error
  const lines = tree.lastLines(error.process).map((line) => `  ${line}`)
  const words = lines.length === 0 ? 'It said nothing.' : `The last that it said:\n${lines.join('\n')}`
  const message = `${error.message}. ${words}\nAll of it: ${logPath(home, error.process)}`
  const isConfiguration = error.exit?.code === exitCodes.usage
  return new CommandFailure(isConfiguration ? exitCodes.usage : exitCodes.refused, message, { cause: error })
}
