import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { issuePublic, makeRoot } from '../authority/certificate.ts'

/** A request as the stand-in got it. */
export interface AskedOfKeycloak {
  readonly method: string
  /** Path and query, without `/realms/pop` and `/admin/realms/pop`. */
  readonly path: string
  readonly body: string
}

/** What it does then: answer, say nothing for ever, or cut the connection. */
export type StandInAnswer =
  | { readonly status?: number; readonly json?: unknown; readonly text?: string; readonly location?: string }
  | 'silence'
  | 'cut'

type Answered = StandInAnswer | undefined

export interface StandInKeycloak extends AsyncDisposable {
  readonly issuer: string
  /** File with the CA of its certificate. */
  readonly ca: string
  readonly asked: AskedOfKeycloak[]
  /** Undefined: a token at the token endpoint, an empty list elsewhere. */
  answer: (asked: AskedOfKeycloak) => Answered | Promise<Answered>
}

const token = { access_token: 'e30.e30.c2ln', token_type: 'Bearer', expires_in: 60 }

/** For tests of faults: something that listens where Keycloak would, over TLS. `folder` takes the file with its CA. */
export async function standInKeycloak(folder: string): Promise<StandInKeycloak> {
  const validity = { fromMs: Date.now() - 60_000, toMs: Date.now() + 3_600_000 }
  const [root, own] = [newKeys(), newKeys()]
  const authority = { certificate: await makeRoot('stand-in', root.privateKey, validity), privateKey: root.privateKey }
  const cert = await issuePublic(authority, own.publicKey, { dns: ['localhost'], ip: [] }, validity)
  const ca = join(folder, `stand-in-${crypto.randomUUID()}.pem`)
  await writeFile(ca, authority.certificate)
  const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const asked: AskedOfKeycloak[] = []
  const server = createServer({ cert, key }, (request, response) => void serve(request, response))
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request)
    const path = (request.url ?? '').replace(/^(\/admin)?\/realms\/pop/, '')
    const one = { method: request.method ?? '', path, body }
    asked.push(one)
    const answer = (await standIn.answer(one)) ?? { json: path.endsWith('/token') ? token : [] }
    if (answer === 'cut') request.socket.destroy()
    if (answer === 'cut' || answer === 'silence') return
    const { status = 200, json, text = json === undefined ? '' : JSON.stringify(json), location } = answer
    const more = location === undefined ? {} : { location }
    response.writeHead(status, { 'content-type': 'application/json', ...more }).end(text)
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo
  const standIn: StandInKeycloak = {
    issuer: `https://localhost:${port}/realms/pop`,
    ca,
    asked,
    answer: () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
  return standIn
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}
