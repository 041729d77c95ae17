import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeAuthority } from '@pop-api/testkit'
import { flood, pace } from './load.ts'

async function openServer(listener: RequestListener) {
  const folder = await mkdtemp(join(tmpdir(), 'pop-load-'))
  const authority = makeAuthority(folder, 'load')
  const { certificate: cert, privateKey: key } = authority.issue('DNS:localhost')
  const server = createServer({ cert, key }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    target: { origin, ca: authority.caPem, request: 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', connections: 4 },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true })
    },
  }
}

test('flood() and pace() send what they are told, and pace() tells each latency', async () => {
  let asked = 0
  await using server = await openServer((_request, response) => {
    asked++
    response.end('ok')
  })
  await flood(server.target, 50)
  assert.equal((await pace(server.target, 100, 1)).length, 100)
  assert.equal(asked, 150)
})

test('flood() rejects at an answer that is not 200', async () => {
  await using server = await openServer((_request, response) => {
    response.writeHead(503)
    response.end('no')
  })
  await assert.rejects(flood(server.target, 10), /503/)
})

test('pace() rejects where the server closes a connection, and does not wait for ever', async () => {
  await using server = await openServer((_request, response) => {
    response.writeHead(200, { connection: 'close', 'content-length': '2' })
    response.end('ok')
  })
  await assert.rejects(pace(server.target, 100, 1), /hung up/)
})
