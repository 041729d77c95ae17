import { Pool, type Dispatcher } from 'undici'
import { PopError } from '@pop-api/protocol'
import { meshClientOptions, type MeshMember } from './tls.ts'

/** Connections to other members, one pool for each SPIFFE ID: a connection that was opened for one is never used for another. */
export interface PeerPools {
  /**
   * The pool of a peer. `address` is `https://host:port`; when it is another than last time, the old connections finish what
   * they carry and no more. Throws `module-unavailable` for an address without TLS.
   */
  readonly poolOf: (spiffeId: string, address: string) => Dispatcher
  /** Destroys all connections to a peer at once, requests in flight included. */
  readonly destroyPeer: (spiffeId: string) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface PeerPoolsOptions {
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
}

interface Entry {
  readonly address: string
  readonly pool: Pool
}

/** Makes the pools of a member. They follow its renewals: requests in flight finish on the old certificate. */
export function createPeerPools(
  member: MeshMember & { readonly onRenew: (listener: () => void) => () => void },
  options: PeerPoolsOptions,
): PeerPools {
  const entries = new Map<string, Entry>()
  const closing = new Set<Promise<void>>()
  const retire = ({ pool }: Entry): void => {
    const closed = pool.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }
  const forget = member.onRenew(() => {
    for (const entry of entries.values()) retire(entry)
    entries.clear()
  })
  return {
    poolOf: (spiffeId, address) => {
      const present = entries.get(spiffeId)
      if (present?.address === address) return present.pool
      const pool = openPool(member, spiffeId, address, options)
      if (present !== undefined) retire(present)
      entries.set(spiffeId, { address, pool })
      return pool
    },
    destroyPeer: async (spiffeId) => {
      const entry = entries.get(spiffeId)
      entries.delete(spiffeId)
      await entry?.pool.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      forget()
      for (const entry of entries.values()) retire(entry)
      entries.clear()
      await Promise.all(closing)
    },
  }
}

function openPool(member: MeshMember, spiffeId: string, address: string, options: PeerPoolsOptions): Pool {
  if (!address.startsWith('https://')) {
    throw new PopError('module-unavailable', 'The module is registered under an address without TLS.')
  }
  return new Pool(address, {
    connections: options.connectionsMax,
    pipelining: 1,
    // The seal is defined over HTTP/1.1 alone.
    allowH2: false,
    connect: {
      ...meshClientOptions(member, (peer) => peer === spiffeId),
      // A resumed session would skip the check of the peer's identity.
      maxCachedSessions: 0,
      timeout: options.connectTimeoutMs,
    },
  })
}
