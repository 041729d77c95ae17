import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommandFailure, exitCodes } from '../command-failure.ts'

/** An answer of the identity provider, which a browser has brought. */
export interface BroughtAnswer {
  readonly outcome: { readonly code: string } | { readonly error: string; readonly description: string | undefined }
  /** Shows the person a last page; the browser waits for it. */
  readonly finish: (title: string, sentence: string) => Promise<void>
}

export interface LoopbackRedirect {
  /** `http://127.0.0.1:PORT/callback` (RFC 8252 section 7.3). */
  readonly redirectUri: string
  /**
   * Waits for the one answer that has the right `state` and, where the provider names itself, the right `iss` (RFC 9207); every
   * other request is refused and changes nothing. Throws a CommandFailure (refused) when none comes in time.
   */
  readonly waitForAnswer: (expected: ExpectedAnswer, waitMs: number) => Promise<BroughtAnswer>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface ExpectedAnswer {
  readonly state: string
  readonly issuer: string
  readonly namesItself: boolean
}

const path = '/callback'

/** Listens on a port of this machine that the system chooses, for nobody else's. Disposing closes it. */
export async function openLoopbackRedirect(): Promise<LoopbackRedirect> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 })
  server.maxConnections = 16
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo
  const host = `127.0.0.1:${port}`
  let timer: NodeJS.Timeout | undefined
  return {
    redirectUri: `http://${host}${path}`,
    waitForAnswer: (expected, waitMs) => {
      const { promise, resolve, reject } = Promise.withResolvers<BroughtAnswer>()
      timer = setTimeout(() => reject(tooLate(waitMs)), waitMs)
      let hasCome = false
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const read = readAnswer(request, host, expected)
        if (typeof read === 'string') void show(response, 400, 'Not a sign-in that was begun here', read)
        else if (hasCome)
          void show(response, 410, 'Used already', 'This sign-in was answered before. Close this window.')
        else {
          hasCome = true
          clearTimeout(timer)
          resolve({ outcome: read, finish: (title, sentence) => show(response, 200, title, sentence) })
        }
      })
      return promise
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer)
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The answer that a request brings; a sentence for one that is not the answer to what was asked here. Untrusted. */
function readAnswer(
  { method, url = '', headers }: IncomingMessage,
  host: string,
  { state, issuer, namesItself }: ExpectedAnswer,
): BroughtAnswer['outcome'] | string {
  const [found, query = ''] = url.split('?', 2)
  // Another name for this address is the way in of a page elsewhere (DNS rebinding).
  if (method !== 'GET' || found !== path || headers.host !== host) return 'There is nothing else at this address.'
  const parameters = new URLSearchParams(query)
  const names = [...parameters.keys()]
  if (new Set(names).size < names.length) return 'A parameter is there twice.'
  const brought = Buffer.from(parameters.get('state') ?? '')
  const wanted = Buffer.from(state)
  if (brought.length !== wanted.length || !timingSafeEqual(brought, wanted)) return 'Its state is another.'
  const named = parameters.get('iss')
  if (named === null ? namesItself : named !== issuer) return 'It comes from another identity provider.'
  const [code, error] = [parameters.get('code'), parameters.get('error')]
  if (error !== null) return { error, description: parameters.get('error_description') ?? undefined }
  return code === null || code === '' ? 'It has neither a code nor an error.' : { code }
}

/** The sentences are ours alone: nothing that came in stands in the page. */
async function show(response: ServerResponse, status: number, title: string, sentence: string): Promise<void> {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  })
  const page = `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${title} – POP API</title>\n<h1>${title}</h1>\n<p>${sentence}</p>\n`
  // A browser that is gone already needs no page.
  await new Promise<void>((resolve) => {
    response.on('close', resolve)
    response.end(page, resolve)
  })
}

function tooLate(waitMs: number): CommandFailure {
  const message = `nobody signed in within ${Math.round(waitMs / 1000)} s. Try again, or give more time with --wait`
  return new CommandFailure(exitCodes.refused, message)
}
