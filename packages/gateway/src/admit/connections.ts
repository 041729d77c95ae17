import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { canonicalAddress } from '../receive/receive.ts'
import { networkOf } from './network.ts'

/** How many connections each network holds. */
export interface Connections {
  /** True where a connection came when its network held its full number already. */
  readonly isCrowded: (remoteAddress: string, remotePort: number) => boolean
}

/**
 * Counts the connections of a server, each from before its TLS handshake. One above the limit is served a refusal and closed, so
 * that a client learns why; from twice the limit on they are closed at once, without the work of a handshake.
 */
export function countConnections(server: Server, perNetworkMax: () => number): Connections {
  const counts = new Map<string, number>()
  const crowded = new Set<string>()
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '-', remotePort = 0 } = socket
    const network = networkOf(canonicalAddress(remoteAddress))
    const count = (counts.get(network) ?? 0) + 1
    const max = perNetworkMax()
    if (count > max * 2) {
      socket.destroy()
      return
    }
    counts.set(network, count)
    const name = `${remoteAddress} ${remotePort}`
    if (count > max) crowded.add(name)
    socket.once('close', () => {
      crowded.delete(name)
      const left = (counts.get(network) ?? 1) - 1
      if (left === 0) counts.delete(network)
      else counts.set(network, left)
    })
  })
  return {
    isCrowded: (remoteAddress, remotePort) => crowded.size > 0 && crowded.has(`${remoteAddress} ${remotePort}`),
  }
}
