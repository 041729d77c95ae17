import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop } from '@pop-api/testkit'
import { manifest, openBoxes } from './boxes.ts'

// What pop.yaml of this system says: users may read and write boxes.
const settings = `${developmentSettings}
grants:
  user: [boxes.read, boxes.write]
  admin: [boxes.read, boxes.write]
`
let pop: Pop
let bob: string
let folder: string

before(async () => {
  const open = async (home: string) => {
    folder = join(home, 'boxes')
    // As a crash would leave it.
    await mkdir(join(folder, 'lost.new'), { recursive: true })
    return { definition: await openBoxes(folder, 1_000_000), [Symbol.dispose]: () => undefined }
  }
  pop = await startPop({ settings, modules: [{ name: 'boxes', manifest, open }] })
  bob = await pop.token('bob')
  assert.equal((await pop.call(bob, 'POST', '/v1/boxes', { name: 'mine' })).status, 201)
})

after(() => pop[Symbol.asyncDispose]())

/** A request that is begun: its body is still to be sent. */
function begin(method: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  const { hostname, port } = new URL(pop.gateway)
  const fields = { ...headers, authorization: `Bearer ${bob}` }
  return httpsRequest({ hostname, port, ca: pop.ca, method, path, headers: fields, agent: false })
}

async function answered(outgoing: ReturnType<typeof begin>) {
  const [response] = await once(outgoing, 'response')
  const pieces: Buffer[] = await Array.fromAsync(response)
  return { status: Number(response.statusCode), headers: response.headers, body: Buffer.concat(pieces) }
}

async function put(path: string, body: Buffer) {
  const outgoing = begin('PUT', path)
  outgoing.end(body)
  return answered(outgoing)
}

async function get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const outgoing = begin(method, path, headers)
  outgoing.end()
  return answered(outgoing)
}

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

test('a box gives back what was put in, whole and in part', async () => {
  assert.equal((await get('/v1/boxes/mine/bytes')).body.length, 0)
  const filled = await put('/v1/boxes/mine/bytes', bytes)
  assert.equal(filled.status, 200, filled.body.toString())
  const whole = await get('/v1/boxes/mine/bytes')
  assert.equal(whole.status, 200)
  assert.deepEqual(whole.body, bytes)
  const part = await get('/v1/boxes/mine/bytes', { range: 'bytes=1000-1999' })
  assert.equal(part.status, 206)
  assert.equal(part.headers['content-range'], 'bytes 1000-1999/300000')
  assert.deepEqual(part.body, bytes.subarray(1000, 2000))
  const head = await get('/v1/boxes/mine/bytes', {}, 'HEAD')
  assert.equal(head.headers['content-length'], '300000')
})

test('a box that is too full stays what it was, and so does one whose client breaks off', async () => {
  const refused = await put('/v1/boxes/mine/bytes', Buffer.alloc(1_000_001))
  assert.equal(refused.status, 413)
  const broken = begin('PUT', '/v1/boxes/mine/bytes', { 'content-length': '500000' })
  broken.on('error', () => undefined)
  broken.write(Buffer.alloc(100_000), () => broken.destroy())
  // The module has dropped the part once its event is there.
  for (let events = 0; events === 0;) {
    const seen = await pop.audit('boxes', { action: 'resource_change' })
    events = seen.filter(({ code }) => code === 499).length
  }
  assert.deepEqual((await get('/v1/boxes/mine/bytes')).body, bytes)
  assert.deepEqual(await readdir(folder, { recursive: true }), ['mine.box', join('mine.box', 'bytes')])
})

test('bytes for a box that is deleted meanwhile go nowhere, also when there is another of that name', async () => {
  assert.equal((await pop.call(bob, 'POST', '/v1/boxes', { name: 'brief' })).status, 201)
  const slow = begin('PUT', '/v1/boxes/brief/bytes', { 'content-length': '200000' })
  slow.write(Buffer.alloc(100_000))
  // The handler has begun once its part is there.
  while ((await readdir(join(folder, 'brief.box'))).length < 2) continue
  assert.equal((await pop.call(bob, 'DELETE', '/v1/boxes/brief')).status, 204)
  assert.equal((await pop.call(bob, 'POST', '/v1/boxes', { name: 'brief' })).status, 201)
  slow.end(Buffer.alloc(100_000))
  assert.equal((await answered(slow)).status, 404)
  assert.deepEqual(await readdir(join(folder, 'brief.box')), ['bytes'])
  assert.equal((await get('/v1/boxes/brief/bytes')).body.length, 0)
})
