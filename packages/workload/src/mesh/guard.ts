import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { peerSpiffeId } from './peer.ts'

/** The live connections of a mesh server, by who is at their other end. */
export interface MeshGuard {
  /** Destroys the peer's connections at once, requests in flight included. */
  readonly destroyPeer: (spiffeId: string) => void
}

export interface MeshGuardOptions {
  /** A peer's connections beyond this many are destroyed before a request; default: as many as it likes. */
  readonly connectionsOfPeerMax?: number
}

/** The longest time that a timer of Node can wait. */
const timerMsMax = 2 ** 31 - 1

/**
 * Watches the connections of a server made with `meshServerOptions`: one whose peer is nobody of the mesh is destroyed before a
 * request, every other when the peer's certificate ends, because Node looks at it in the handshake alone.
 */
export function guardMeshServer(server: Server, { connectionsOfPeerMax = Infinity }: MeshGuardOptions = {}): MeshGuard {
  const socketsOfPeer = new Map<string, Set<TLSSocket>>()
  server.on('secureConnection', (socket: TLSSocket) => {
    const peer = peerSpiffeId(socket)
    const endMs = socket.getPeerX509Certificate()?.validToDate.getTime()
    if (peer === undefined || endMs === undefined) {
      socket.destroy()
      return
    }
    const sockets = socketsOfPeer.get(peer) ?? new Set()
    if (sockets.size >= connectionsOfPeerMax) {
      socket.destroy()
      return
    }
    socketsOfPeer.set(peer, sockets.add(socket))
    const timer = setTimeout(() => socket.destroy(), Math.min(Math.max(endMs - Date.now(), 0), timerMsMax)).unref()
    socket.once('close', () => {
      clearTimeout(timer)
      sockets.delete(socket)
      if (sockets.size === 0) socketsOfPeer.delete(peer)
    })
  })
  return {
    destroyPeer: (spiffeId) => {
      for (const socket of socketsOfPeer.get(spiffeId) ?? []) socket.destroy()
    },
  }
}
