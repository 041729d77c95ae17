import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'

/** One thing without which the gateway cannot do its work. */
export interface ReadinessCheck {
  readonly name: string
  /** Undefined where all is well; else what is wrong, in words for an operator. */
  readonly fault: () => string | undefined
}

export interface OperationsOptions {
  readonly checks: readonly ReadinessCheck[]
  /** In the format of Prometheus. */
  readonly metrics: () => Promise<string>
  readonly failed: (failure: unknown) => void
  /** Undefined: plain HTTP, for loopback only. */
  readonly tls: ServerOptions | undefined
}

/**
 * The listener for those who run the gateway: `/livez` (the process answers), `/readyz` (it can do its work; 503 with the reasons
 * where not), `/metrics`. The caller listens and closes.
 */
export function createOperationsListener({ checks, metrics, failed, tls }: OperationsOptions): Server {
  const times = { headersTimeout: 5000, requestTimeout: 5000 }
  return tls === undefined ? createServer(times, answer) : createTlsServer({ ...times, ...tls }, answer)

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Only GET is served here.\n')
    if (request.url === '/livez') return send(response, 200, 'text/plain', 'alive\n')
    if (request.url === '/readyz') return sendReadiness(response, checks)
    if (request.url !== '/metrics') return send(response, 404, 'text/plain', 'Try /livez, /readyz or /metrics.\n')
    metrics().then(
      (text) => send(response, 200, 'text/plain; version=0.0.4', text),
      (failure: unknown) => {
        failed(failure)
        send(response, 500, 'text/plain', 'The metrics could not be read; the log says why.\n')
      },
    )
  }
}

function sendReadiness(response: ServerResponse, checks: readonly ReadinessCheck[]): void {
  const results = checks.map(({ name, fault }) => ({ name, fault: fault() ?? null }))
  const ready = results.every(({ fault }) => fault === null)
  send(response, ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, checks: results })}\n`)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  response.end(body)
}
