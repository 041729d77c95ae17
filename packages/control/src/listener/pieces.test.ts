import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { exchange, joinModule, meshClientOptions, type Membership } from '@pop-api/workload'
import { manifestOf, startTestControl, type TestControl } from '../test-world.ts'

const manifest = manifestOf('notes', '/v1/notes')
const pieces = 600_000

interface Attacked {
  readonly request: string
  readonly tls: ConnectionOptions
  readonly port: number
  /** Any other request to the same listener: while it is answered, what was sent before is read. */
  readonly ask: () => Promise<unknown>
}

/** Memory in use once everything that can be freed is. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Sends a body of spaces in chunks of one byte; gives the answer, and how much more memory was in use before its end. */
async function sendPieces({ request, tls, port, ask }: Attacked) {
  const before = usedBytes()
  const socket = connect({ ...tls, host: '127.0.0.1', port })
  await once(socket, 'secureConnect')
  socket.write(`${request}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`)
  const part = '1\r\n \r\n'.repeat(pieces / 20)
  for (let sent = 0; sent < 20; sent++) {
    await new Promise((resolve) => socket.write(part, resolve))
    await ask()
  }
  const grownBytes = usedBytes() - before
  socket.write('0\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer] // a socket without an encoding gives Buffers
  socket.destroy()
  return { grownBytes, answer: answer.toString('latin1') }
}

function adminOf(world: TestControl) {
  const { admin, caPem } = world.handle()
  const ask = () => exchange({ method: 'GET', url: `${admin}/ca.pem`, tls: { ca: caPem } })
  return { tls: { ca: caPem, servername: 'localhost' }, port: Number(new URL(admin).port), ask }
}

function controlOf(world: TestControl, member: Membership) {
  const { control } = world.handle()
  const tls = meshClientOptions(member, () => true)
  return {
    tls,
    port: Number(new URL(control).port),
    ask: () => exchange({ method: 'GET', url: `${control}/bulletin`, tls }),
  }
}

/** Kept, each piece costs some two hundred bytes: 120 MB in all. */
const grownBytesMax = 8 * 1024 * 1024
const json = 'Content-Type: application/json'

test('admin keeps no pieces of a body', async () => {
  await using world = await startTestControl()
  const { grownBytes, answer } = await sendPieces({ ...adminOf(world), request: `POST /enrol HTTP/1.1\r\n${json}` })
  assert.ok(grownBytes < grownBytesMax, `${grownBytes} bytes`)
  assert.match(answer, /^HTTP\/1\.1 400 .*body-malformed/s)
})

const requests: readonly (readonly [string, RegExp])[] = [
  [`POST /bulletin/applied HTTP/1.1\r\n${json}`, /^HTTP\/1\.1 400 .*body-malformed/s],
  [`POST /renew HTTP/1.1\r\n${json}`, /^HTTP\/1\.1 400 .*body-malformed/s],
  // Nobody reads these, so they must be thrown away.
  ['GET /bulletin/changes?after=1.0 HTTP/1.1', /^HTTP\/1\.1 200 /],
]

for (const [request, expected] of requests) {
  test(`control keeps no pieces of the body of ${request.split(' HTTP')[0]}`, async () => {
    await using world = await startTestControl()
    await using member = await joinModule(await world.boot('notes', 'module'), manifest)
    const { grownBytes, answer } = await sendPieces({ ...controlOf(world, member), request })
    assert.ok(grownBytes < grownBytesMax, `${grownBytes} bytes`)
    assert.match(answer, expected)
  })
}

test('both listeners take a body of their limit and refuse a larger one with its reason, whatever its size', async () => {
  await using world = await startTestControl()
  await using member = await joinModule(await world.boot('notes', 'module'), manifest)
  const { control, admin, caPem } = world.handle()
  const tls = meshClientOptions(member, () => true)
  const at = (megabytes: number, more = 0) => 'x'.repeat(megabytes * 1024 * 1024 - 2 + more)
  const post = (url: string, body: string, trust: ConnectionOptions = tls) =>
    exchange({ method: 'POST', url, tls: trust, body })
  const is = (code: string) => ({ name: 'PopError', code })
  await assert.rejects(post(`${admin}/enrol`, at(1), { ca: caPem }), is('body-invalid'))
  await assert.rejects(post(`${control}/renew`, at(1)), is('body-invalid'))
  await assert.rejects(post(`${control}/bulletin/applied`, at(2)), is('body-invalid'))
  for (const body of [at(2, 1), at(8)]) {
    await assert.rejects(post(`${admin}/enrol`, body, { ca: caPem }), is('body-too-large'))
    await assert.rejects(post(`${control}/renew`, body), is('body-too-large'))
    await assert.rejects(post(`${control}/bulletin/applied`, body), is('body-too-large'))
  }
  assert.deepEqual(world.faults, [])
})

test('a sender that goes away in the middle of its body is no fault of control', async () => {
  await using world = await startTestControl()
  await using member = await joinModule(await world.boot('notes', 'module'), manifest)
  for (const { tls, port, ask, path } of [
    { ...adminOf(world), path: '/enrol' },
    { ...controlOf(world, member), path: '/renew' },
  ]) {
    const socket = connect({ ...tls, host: '127.0.0.1', port })
    await once(socket, 'secureConnect')
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${json}\r\nContent-Length: 10\r\n\r\n{`)
    await ask()
    socket.destroy()
    await ask()
    await ask()
  }
  assert.deepEqual(world.faults, [])
})

test('admin holds at most 256 connections, and takes others when those are gone', async () => {
  await using world = await startTestControl()
  const { port, ask } = adminOf(world)
  const sockets: Socket[] = []
  for (let count = 0; count < 256; count++) {
    const socket = connectTcp({ host: '127.0.0.1', port }).on('error', () => undefined)
    await once(socket, 'connect')
    sockets.push(socket)
  }
  await assert.rejects(ask(), { code: 'control-unavailable' })
  for (const socket of sockets) socket.destroy()
  while ((await ask().catch(() => undefined)) === undefined);
})

test('one member holds at most 32 connections of control, which leaves room for the others', async () => {
  await using world = await startTestControl()
  await using greedy = await joinModule(await world.boot('notes', 'module'), manifest, { onProblem: () => undefined })
  await using other = await joinModule(await world.boot('other', 'module'), manifestOf('other', '/v1/other'))
  const { tls, port, ask } = controlOf(world, greedy)
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ ...tls, host: '127.0.0.1', port }).on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }
  const sockets = await Promise.all(Array.from({ length: 40 }, open))
  const closed = sockets.map((socket) => once(socket.resume(), 'close'))
  // It follows the bulletin as well, so at least nine of these are too many.
  await Promise.all(Array.from({ length: 9 }, () => Promise.race(closed)))
  await assert.rejects(ask(), { code: 'control-unavailable' })
  await controlOf(world, other).ask()
  for (const socket of sockets) socket.destroy()
  while ((await ask().catch(() => undefined)) === undefined);
})
