import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PopError } from '@pop-api/protocol'
import { readForm } from './read-form.ts'

const formType = 'application/x-www-form-urlencoded'

/** A server that reads forms, and clients that write what they like. */
async function openReader() {
  const taken: Socket[] = []
  const server = createServer((request, response) => {
    readForm(request).then(
      (form) => response.end(JSON.stringify([...form])),
      (error: unknown) => {
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
  const send = async (text: string): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  const arrived = async (bytes: number): Promise<void> => {
    while (taken.reduce((sum, { bytesRead }) => sum + bytesRead, 0) < bytes) await turn()
  }
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { send, arrived, [Symbol.asyncDispose]: close }
}

async function answerTo(socket: Socket): Promise<string> {
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  await once(socket, 'close')
  return answer
}

const head = (fields: string) => `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formType}\r\n${fields}\r\n\r\n`
const inPieces = (text: string) => text.replace(/[^]/g, '1\r\n$&\r\n')
const chunked = 'Transfer-Encoding: chunked'

test('readForm() reads a form in pieces, an empty parameter as left out', async () => {
  await using reader = await openReader()
  const answer = await answerTo(
    await reader.send(`${head(`${chunked}\r\nConnection: close`)}${inPieces('a=1&b=%C3%A9+x&c=')}0\r\n\r\n`),
  )
  assert.match(answer, /\r\n\r\n.*\[\["a","1"\],\["b","é x"\]\]/s)
})

test('readForm() refuses a form above its limit and the answer reaches a sender that goes on', async () => {
  await using reader = await openReader()
  const whole = `a=${'x'.repeat(16 * 1024 - 2)}`
  const taken = await answerTo(
    await reader.send(`${head(`Content-Length: ${whole.length}\r\nConnection: close`)}${whole}`),
  )
  assert.match(taken, /^HTTP\/1\.1 200 /)
  for (const refused of [
    `${head(`Content-Length: ${whole.length + 1}`)}a`,
    `${head(chunked)}${(whole.length + 1).toString(16)}\r\n${whole}x\r\n`,
    `${head(chunked)}${inPieces(`${whole}x`)}`,
  ]) {
    assert.match(await answerTo(await reader.send(refused)), /^HTTP\/1\.1 413 .*body-too-large/s)
  }
})

test('readForm() refuses another media type and a parameter that is there twice', async () => {
  await using reader = await openReader()
  const json = head('Content-Length: 2\r\nConnection: close').replace(formType, 'application/json')
  assert.match(await answerTo(await reader.send(`${json}{}`)), /^HTTP\/1\.1 415 /)
  const twice = head('Content-Length: 7\r\nConnection: close')
  assert.match(await answerTo(await reader.send(`${twice}a=1&a=2`)), /oauth-request-invalid/)
})

test('readForm() says that a form broke off', async () => {
  await using server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Listening on TCP, so the address is not a path.
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`${head('Content-Length: 9')}a=1`)
  // `request` is emitted with an IncomingMessage.
  const [request] = (await once(server, 'request')) as [IncomingMessage]
  const read = readForm(request)
  socket.destroy()
  await assert.rejects(read, (error) => error instanceof PopError && error.code === 'malformed-request')
})

test('readForm() keeps no more of unfinished forms in single bytes than their bytes', async () => {
  await using reader = await openReader()
  const [forms, pieces] = [16, 16_000]
  const sent = `${head(chunked)}${inPieces('a'.repeat(pieces))}`
  const before = memoryBytes()
  const sockets = await Promise.all(Array.from({ length: forms }, () => reader.send(sent)))
  await reader.arrived(forms * sent.length)
  await turn()
  const grown = memoryBytes() - before
  // Kept one by one, the pieces take some fifty megabytes.
  assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes for ${forms * pieces}`)
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
