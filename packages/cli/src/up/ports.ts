import { once } from 'node:events'
import { createServer } from 'node:net'
import { usageFailure } from '../command-failure.ts'
import { errorCode } from './own-file.ts'
import { listeners, type ListenerName } from './programs.ts'

/** Everything listens here: a run is one machine. */
export const loopback = '127.0.0.1'

/** Listener → port; 0 lets the system choose. */
export type Ports = Readonly<Record<ListenerName, number>>

/** The usual ports without a base, `base` and those above it with one, and all of them the system's choice with base 0. */
export function choosePorts(base: number | undefined): Ports {
  const portOf = (usual: number, index: number): number => {
    if (base === undefined) return usual
    return base === 0 ? 0 : base + index
  }
  const entries = listeners.map(({ name, usualPort }, index) => [name, portOf(usualPort, index)])
  // One entry for each name of the list.
  return Object.fromEntries(entries) as Ports
}

/** Throws one CommandFailure (usage) that names every port of these listeners that cannot be had. */
export async function refuseTakenPorts(ports: Ports, names: readonly ListenerName[]): Promise<void> {
  const faults: string[] = []
  for (const name of names) {
    const fault = ports[name] === 0 ? undefined : await tryPort(ports[name])
    if (fault !== undefined) faults.push(`${ports[name]} (${name}): ${fault}`)
  }
  if (faults.length === 0) return
  const next = 'Choose others with --port-base N, or --port-base 0 for any that are free'
  throw usageFailure(`these ports of ${loopback} cannot be used: ${faults.join('; ')}. ${next}`)
}

async function tryPort(port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen({ host: loopback, port, exclusive: true })
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return undefined
  } catch (error) {
    return errorCode(error) === 'EADDRINUSE' ? 'in use' : errorCode(error)
  }
}
