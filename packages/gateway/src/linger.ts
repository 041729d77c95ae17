import type { Socket } from 'node:net'

/** How long a client that goes on sending gets to read why it was refused. */
export const lingerMs = 1000

/**
 * Makes the end of a connection gentle. Node closes a connection whose answer was the last one at once; with bytes of a body still
 * arriving the system then resets it, and a client that was sending never sees the answer. So the writing side ends, what
 * arrives is thrown away, and the connection is destroyed when the client has closed it too, or after a second.
 */
export function lingerAtEnd(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end()
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }
}
