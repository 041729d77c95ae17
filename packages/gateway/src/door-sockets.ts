import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

interface InFlight {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Which connections of a door have requests in flight, and which a refusal has closed. */
export interface DoorSockets {
  /**
   * Notes a request until its response is closed. `refused` where a refusal has closed the connection: whatever the parser still
   * finds behind it, pipelined perhaps, was sent by somebody whose bytes could be read in two ways, and is not looked at. `too many`
   * where so many are in flight already that whoever sends them does not wait for answers: Node itself would take them all.
   */
  readonly begin: (request: IncomingMessage, response: ServerResponse) => 'begun' | 'refused' | 'too many'
  /** Marks a connection as closed by a refusal; false where it was already. */
  readonly refuse: (socket: Duplex) => boolean
  /** True where one more answer would be taken for an answer to the bytes that were refused, and for nothing else. */
  readonly mayAnswer: (socket: Duplex) => boolean
}

const inFlightMax = 16

/** Makes the notes of one server. */
export function watchSockets(): DoorSockets {
  const inFlight = new WeakMap<Duplex, Set<InFlight>>()
  const refused = new WeakSet<Duplex>()
  return {
    begin: (request, response) => {
      const { socket } = request
      if (refused.has(socket)) return 'refused'
      const entry = { request, response }
      const present = inFlight.get(socket) ?? new Set()
      if (present.size >= inFlightMax) return 'too many'
      inFlight.set(socket, present.add(entry))
      response.once('close', () => present.delete(entry))
      return 'begun'
    },
    refuse: (socket) => {
      if (refused.has(socket)) return false
      refused.add(socket)
      return true
    },
    mayAnswer: (socket) => {
      if (!socket.writable) return false
      const [one, ...others] = inFlight.get(socket) ?? []
      if (one === undefined) return true
      // The bytes are of the body of the one request that is under way, and nothing of its answer has left.
      return others.length === 0 && !one.request.complete && !one.response.headersSent
    },
  }
}
