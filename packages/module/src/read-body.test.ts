import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PopError } from '@pop-api/protocol'
import { readBody } from './read-body.ts'

const bytesMax = 256 * 1024 + 4096

/** A server that reads bodies and says how long they were, and clients that write what they like. */
async function openReader() {
  const taken: Socket[] = []
  const refusals: unknown[] = []
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => response.end(`${body.length} bytes`),
      (error: unknown) => {
        refusals.push(error)
        response.writeHead(error instanceof PopError ? error.status : 500, { connection: 'close' })
        response.end(error instanceof PopError ? error.code : 'fault')
      },
    )
  })
  server.on('connection', (socket) => taken.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo
  const send = async (...texts: readonly string[]): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    for (const text of texts) socket.write(text)
    return socket
  }
  const arrived = async (bytes: number): Promise<void> => {
    while (taken.reduce((sum, { bytesRead }) => sum + bytesRead, 0) < bytes) await turn()
  }
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { send, arrived, refusals, [Symbol.asyncDispose]: close }
}

async function answerTo(socket: Socket): Promise<string> {
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  await once(socket, 'close')
  return answer
}

const head = (fields: string) => `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${fields}\r\n\r\n`
const chunked = head('Transfer-Encoding: chunked')
const inPieces = (bytes: number) => '1\r\na\r\n'.repeat(bytes)

test('readBody() takes a body of exactly its limit, whole and in single bytes', async () => {
  await using reader = await openReader()
  for (const body of [
    [head(`Content-Length: ${bytesMax}`), 'a'.repeat(bytesMax)],
    [chunked, inPieces(bytesMax), '0\r\n\r\n'],
  ])
    assert.match(await answerTo(await reader.send(...body)), new RegExp(`${bytesMax} bytes`))
})

test('readBody() refuses a longer body, and the answer reaches a sender that goes on', async () => {
  await using reader = await openReader()
  for (const body of [
    [head(`Content-Length: ${bytesMax + 1}`)],
    [chunked, `${(bytesMax + 1).toString(16)}\r\n${'a'.repeat(bytesMax + 1)}\r\n`],
    [chunked, inPieces(bytesMax + 1)],
  ])
    assert.match(await answerTo(await reader.send(...body)), /^HTTP\/1\.1 413 .*body-too-large/s)
})

test('readBody() says that a body broke off', async () => {
  await using reader = await openReader()
  const socket = await reader.send(head('Content-Length: 9'), 'a=1')
  await reader.arrived(head('Content-Length: 9').length)
  socket.destroy()
  while (reader.refusals.length === 0) await turn()
  assert.ok(reader.refusals[0] instanceof PopError && reader.refusals[0].code === 'malformed-request')
})

test('readBody() keeps no more of unfinished bodies in single bytes than their bytes', async () => {
  await using reader = await openReader()
  const [bodies, pieces] = [4, 64_000]
  const sent = inPieces(pieces)
  const before = memoryBytes()
  const sockets = await Promise.all(Array.from({ length: bodies }, () => reader.send(chunked, sent)))
  await reader.arrived(bodies * (chunked.length + sent.length))
  await turn()
  const grown = memoryBytes() - before
  // Kept one by one, the pieces take some fifty megabytes.
  assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes for ${bodies * pieces}`)
  for (const socket of sockets) socket.destroy()
})

function memoryBytes(): number {
  setFlagsFromString('--expose-gc')
  // The flag gives every context that is made from now on a function `gc`.
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
