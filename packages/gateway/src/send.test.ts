import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import type { StreamedBody } from './answer.ts'
import { send } from './send.ts'

/** Sends one streamed answer to a client that is used as told, and gives what became of it. */
async function sent(pieces: () => AsyncGenerator<Uint8Array>, use: (port: number) => void, stallMsMax?: number) {
  const ended = Promise.withResolvers<unknown>()
  const body: StreamedBody = {
    pieces: pieces(),
    finish: async () => {
      ended.resolve('finished')
      return Buffer.from('!')
    },
    abandon: async (failure) => ended.resolve(failure),
  }
  const server = createServer((_request, response) => {
    const sending = { requestId: 'r', close: false, head: false, ...(stallMsMax === undefined ? {} : { stallMsMax }) }
    void send(response, { status: 200, fields: [], body }, sending)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  use((server.address() as AddressInfo).port)
  const outcome = await ended.promise
  server.closeAllConnections()
  server.close()
  return outcome
}

const ask = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(65_536)
}

async function* few(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('a few bytes')
}

test('send() gives a streamed body to its end to whoever reads it', async () => {
  const outcome = await sent(few, (port) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(ask))
    socket.resume()
  })
  assert.equal(outcome, 'finished')
})

test('send() abandons a streamed body that its client does not read', async () => {
  const outcome = await sent(
    endless,
    (port) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(ask))
      socket.pause()
      socket.on('error', () => undefined)
    },
    50,
  )
  assert.ok(outcome instanceof PopError)
  assert.equal(outcome.code, 'client-gone')
})

test('send() abandons a streamed body whose client has gone before it begins', async () => {
  const outcome = await sent(
    async function* () {
      await new Promise((resolve) => setTimeout(resolve, 50))
      yield* endless()
    },
    (port) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(ask)
        setTimeout(() => socket.destroy(), 20)
      })
    },
  )
  assert.ok(outcome instanceof PopError)
  assert.equal(outcome.code, 'client-gone')
})

const whole = { status: 200, fields: [], body: Buffer.alloc(20_000_000) }

test('send() cuts the connection of a client that takes nothing of a whole answer, also of one behind another', async () => {
  for (const requests of [1, 2]) {
    const server = createServer((_request, response) => {
      // Long enough that this test itself is no slow client on a busy machine.
      void send(response, whole, { requestId: 'r', close: false, head: false, stallMsMax: 1_000 })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    // A server that listens on TCP has an AddressInfo.
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () =>
      socket.write(ask.repeat(requests)),
    )
    socket.on('error', () => undefined)
    socket.pause()
    const [taken]: Socket[] = await once(server, 'connection')
    // The second one is to have its turn.
    if (requests === 2)
      for (let read = 0; read < whole.body.length && !socket.destroyed;) read += (await some(socket)).length
    if (taken !== undefined && !taken.destroyed) await once(taken, 'close')
    server.close()
  }
})

async function some(socket: Socket): Promise<Buffer> {
  for (;;) {
    // Without an encoding these are Buffers.
    const piece: Buffer | null = socket.read()
    if (piece !== null) return piece
    if (socket.destroyed) return Buffer.alloc(0)
    await Promise.race([once(socket, 'readable'), once(socket, 'close')])
  }
}

test('send() leaves a connection alone whose client takes a whole answer', async () => {
  const server = createServer((_request, response) => {
    void send(response, whole, { requestId: 'r', close: false, head: false, stallMsMax: 5_000 })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  assert.equal((await answer.arrayBuffer()).byteLength, whole.body.length)
  server.closeAllConnections()
  server.close()
})
