import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { Answer } from './answer.ts'
import { doorOptions, openDoor, type DoorRefusal } from './front-door.ts'
import type { Received } from './receive/received.ts'

/** A front door on a loopback port, with a handler that reads the body and notes what it saw. For tests. */
export interface DoorWorld {
  readonly port: number
  readonly seen: readonly { readonly received: Received; readonly body: string }[]
  readonly refusals: readonly DoorRefusal[]
  readonly failures: readonly unknown[]
  /** Sends bytes as they are and gives all that came back until the door closed or fell silent. */
  readonly send: (bytes: string | Buffer) => Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

const silenceMs = 150

export async function openDoorWorld(
  handle?: (received: Received) => Promise<Answer>,
  connectionsMax = 100,
): Promise<DoorWorld> {
  const seen: { received: Received; body: string }[] = []
  const refusals: DoorRefusal[] = []
  const failures: unknown[] = []
  let count = 0
  const server: Server = createServer(doorOptions)
  openDoor(server, {
    handle: async (received, body) => {
      seen.push({ received, body: (await body.collect(1024)).toString('latin1') })
      return (
        handle?.(received) ?? {
          status: 200,
          fields: ['content-type', 'text/plain', 'content-length', '2'],
          body: Buffer.from('ok'),
        }
      )
    },
    refused: (refusal) => refusals.push(refusal),
    failed: (_requestId, failure) => failures.push(failure),
    nextRequestId: () => `request-${++count}`,
    nowMs: () => 1_767_225_600_000,
    connectionsMax: () => connectionsMax,
    draining: () => false,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    port,
    seen,
    refusals,
    failures,
    send: (bytes) => sendBytes(port, bytes),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function sendBytes(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    const done = (): void => {
      socket.destroy()
      resolve(Buffer.concat(chunks).toString('latin1'))
    }
    socket.setTimeout(silenceMs, done)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', done)
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done() : reject(error),
    )
    socket.on('connect', () => socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes))
  })
}
