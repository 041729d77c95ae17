import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'

/** A request as it came. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers of a server that stands where a gateway would. */
export type Answers = (seen: Seen, response: ServerResponse) => void

export interface StandIn {
  readonly origin: string
  /** Path of the CA of its certificate. */
  readonly ca: string
  readonly seen: readonly Seen[]
  /** The options that lead `pop` here. */
  readonly options: readonly string[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** For tests: an HTTPS server with a certificate for `localhost`, made by OpenSSL, that answers as it is told. */
export async function standInGateway(folder: string, answers: Answers): Promise<StandIn> {
  const { key, ca } = makeCertificate(folder)
  const seen: Seen[] = []
  const server = createServer({ cert: await readFile(ca), key: await readFile(key) }, (request, response) => {
    void read(request).then((body) => {
      const { method = '', url = '', headers } = request
      const whole = { method, url, headers, body }
      seen.push(whole)
      return answers(whole, response)
    })
  })
  // A gateway refuses a body that it does not want before it comes.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request
    if (!url.startsWith('/unwanted')) {
      response.writeContinue()
      server.emit('request', request, response)
      return
    }
    const headOnly = { method, url, headers, body: '' }
    seen.push(headOnly)
    answers(headOnly, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const origin = `https://localhost:${typeof address === 'object' ? address?.port : ''}`
  return {
    origin,
    ca,
    seen,
    options: ['--gateway', origin, '--ca', ca],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A certificate for `localhost` that is its own CA, and its key: paths of PEM files. */
export function makeCertificate(folder: string): { readonly key: string; readonly ca: string } {
  const paths = { key: join(folder, 'stand-in.key'), ca: join(folder, 'stand-in.pem') }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const words = ['-x509', ...curve, '-subj', '/CN=stand-in', '-addext', 'subjectAltName=DNS:localhost', '-days', '2']
  execFileSync('openssl', ['req', ...words, '-keyout', paths.key, '-out', paths.ca], { stdio: 'ignore' })
  return paths
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, value: unknown, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type })
  response.end(JSON.stringify(value))
}

async function read(request: IncomingMessage): Promise<string> {
  // A message without an encoding gives Buffers.
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString('utf8')
}
