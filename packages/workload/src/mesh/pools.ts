import { Agent } from 'node:https'
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
  /** The same for requests that `node:https` has to send: an agent that opens a connection for each of them. */
  readonly agentOf: (spiffeId: string, address: string) => Agent
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
  readonly agent: Agent
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
  // The agent needs no retiring: it keeps no connection, and the one of a request in flight ends with it.
  const entryOf = (spiffeId: string, address: string): Entry => {
    const present = entries.get(spiffeId)
    if (present?.address === address) return present
    const entry = openEntry(member, spiffeId, address, options)
    if (present !== undefined) retire(present)
    entries.set(spiffeId, entry)
    return entry
  }
  return {
    poolOf: (spiffeId, address) => entryOf(spiffeId, address).pool,
    agentOf: (spiffeId, address) => entryOf(spiffeId, address).agent,
    destroyPeer: async (spiffeId) => {
      const entry = entries.get(spiffeId)
      entries.delete(spiffeId)
      entry?.agent.destroy()
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

function openEntry(member: MeshMember, spiffeId: string, address: string, options: PeerPoolsOptions): Entry {
  if (!address.startsWith('https://')) {
    throw new PopError('module-unavailable', 'The module is registered under an address without TLS.')
  }
  // A resumed session would skip the check of the peer's identity.
  const identity = { ...meshClientOptions(member, (peer) => peer === spiffeId), maxCachedSessions: 0 }
  const pool = new Pool(address, {
    connections: options.connectionsMax,
    pipelining: 1,
    // The seal is defined over HTTP/1.1 alone.
    allowH2: false,
    connect: { ...identity, timeout: options.connectTimeoutMs },
  })
  return { address, pool, agent: new Agent({ ...identity, keepAlive: false, maxSockets: options.connectionsMax }) }
}
