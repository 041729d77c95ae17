import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'

/** Where a server is to listen. */
export interface Listen {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** Listens, on a port that nobody else has; gives `host:port`. Rejects when it cannot be had. */
export async function listening(server: Server | HttpServer, { host, port }: Listen): Promise<string> {
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  // Listening on TCP, so the address is not a path.
  const { port: chosen } = server.address() as AddressInfo
  return `${host.includes(':') ? `[${host}]` : host}:${chosen}`
}

/** Takes no new connection; what is in flight may finish within the time. Resolves once every connection has ended. */
export async function closing(server: Server | HttpServer, finishMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), finishMs)
  await closed
  clearTimeout(timer)
}
