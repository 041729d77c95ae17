import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { readTask, type BareTask } from './child.ts'

// (a) The least that a proxy can do on Node: TLS 1.3 in, mTLS out, and nothing looked at.
// Written by `startMeasured` for this very program.
const { server: shown, client, upstream } = readTask() as BareTask
const pool = new Pool(upstream, {
  connections: 64,
  pipelining: 1,
  connect: { ...client, maxCachedSessions: 0, checkServerIdentity: () => undefined },
})
const server = createServer({ ...shown, keepAliveTimeout: 30_000 }, (request, response) => {
  const chunks: Buffer[] = []
  pool.dispatch(
    { method: 'GET', path: request.url ?? '/', headers: ['accept', 'application/json'] },
    {
      onRequestStart: () => undefined,
      onResponseStart: (controller, status) => {
        const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders.map(String) : []
        response.writeHead(status, raw)
      },
      onResponseData: (_controller, chunk) => void chunks.push(chunk),
      onResponseEnd: () => void response.end(Buffer.concat(chunks)),
      onResponseError: (_controller, error) => void response.destroy(error),
    },
  )
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
// A server that listens on TCP has an AddressInfo.
process.send?.({ origin: `https://localhost:${(server.address() as AddressInfo).port}` })
process.on('disconnect', () => process.exit(0))
