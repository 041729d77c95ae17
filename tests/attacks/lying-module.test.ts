import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createNonceSource, es256Seal, manifestDigest, type BootFile, type SealIdentity } from '@pop-api/protocol'
import { startPop, type Pop } from '@pop-api/testkit'
import { joinModule, meshServerOptions, type ModuleMembership } from '@pop-api/workload'

/** A module that enrolled like any other and answers whatever a test wants. */
const manifest = {
  openapi: '3.1.0',
  info: { title: 'liar', version: '1' },
  'x-pop-module': { name: 'liar', base: '/v1/liar', permissions: ['kafka.consume', 'kafka.create'] },
  paths: {
    '/thing': {
      get: { 'x-pop-requires': { role: 'create_resource', module: 'kafka.consume' }, responses: {} },
      post: { 'x-pop-requires': { role: 'create_resource', module: 'kafka.create' }, responses: {} },
    },
  },
}

type Lie = (request: IncomingMessage, response: ServerResponse) => void

let pop: Pop
let token = ''
let member: ModuleMembership
let other: ModuleMembership
let lie: Lie = honest
let requests = 0
const boot = randomBytes(16).toString('base64url')
const nextNonce = createNonceSource(randomBytes(16))
const stack = new AsyncDisposableStack()

function bootOf(name: string): BootFile {
  return {
    name,
    home: join(pop.home, name),
    listen: {},
    admin: pop.control.admin,
    anchor: { root_spki_sha256: pop.control.rootSpkiSha256 },
    token: pop.control.issueToken({ name, kind: 'module' }),
  }
}

async function serve(workload: ModuleMembership, listener: Lie): Promise<string> {
  const server = createServer(meshServerOptions(workload), listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an AddressInfo.
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

before(async () => {
  pop = await startPop({})
  token = await pop.token('alice')
  member = stack.use(await joinModule(bootOf('liar'), manifest))
  const otherManifest = {
    ...manifest,
    'x-pop-module': { name: 'other', base: '/v1/other', permissions: ['kafka.consume', 'kafka.create'] },
  }
  other = stack.use(await joinModule(bootOf('other'), otherManifest))
  const address = await serve(member, (request, response) => {
    requests++
    lie(request, response)
  })
  await report(address)
})

after(async () => {
  await stack.disposeAsync()
  await pop[Symbol.asyncDispose]()
})

/** Tells control where the module is, and waits until the gateway has learnt it. */
async function report(address: string): Promise<void> {
  await member.reportInstance({ address, manifest_digest: manifestDigest(manifest), boot })
  const known = (): boolean =>
    pop.member.bulletin.section('modules')?.['liar']?.instances.some((instance) => instance.address === address) ===
    true
  while (!known()) await new Promise((resolve) => setTimeout(resolve, 5))
}

interface Answer {
  readonly status?: number
  readonly headers?: readonly string[]
  readonly body?: string
  readonly nonce?: string
  readonly target?: string
  readonly method?: string
  readonly atMs?: number
  readonly identity?: SealIdentity
  readonly sentBody?: string
  readonly sentStatus?: number
  readonly change?: (fields: readonly string[]) => readonly string[]
}

function identityOf(workload: ModuleMembership): SealIdentity {
  const { wit, messageKey } = workload.credentials()
  return { wit, privateKey: messageKey }
}

function nonceOf(request: IncomingMessage): string {
  return /;nonce="([^"]+)"/.exec(String(request.headers['signature-input']))?.[1] ?? ''
}

function answer(told: Answer, request: IncomingMessage, response: ServerResponse): void {
  const { status = 200, headers = ['content-type', 'application/json'], body = '{"true":1}', atMs = Date.now() } = told
  const binding = {
    method: told.method ?? request.method ?? '',
    target: told.target ?? request.url ?? '',
    nonce: told.nonce ?? nonceOf(request),
  }
  const moment = { nowMs: atMs, nonce: nextNonce() }
  const sealed = es256Seal.sealAnswer(
    { status, headers, body: Buffer.from(body), binding },
    told.identity ?? identityOf(member),
    moment,
  )
  const sent = told.sentBody ?? body
  const fields = told.change?.(sealed) ?? sealed
  response.writeHead(told.sentStatus ?? status, [...fields, 'content-length', String(Buffer.byteLength(sent))])
  response.end(sent)
}

function honest(request: IncomingMessage, response: ServerResponse): void {
  answer({}, request, response)
}

function without(name: string): (fields: readonly string[]) => readonly string[] {
  return (fields) => fields.filter((_, index) => fields[index - (index % 2)] !== name)
}

const ask = (method = 'GET') => pop.call(token, method, '/v1/liar/thing')

test('the gateway takes an answer that is sealed for its request: those below differ from it in one thing each', async () => {
  lie = honest
  const { status, body } = await ask()
  assert.equal(status, 200)
  assert.deepEqual(body, { true: 1 })
})

let earlier = ''
const problem = (code: string): string => JSON.stringify({ code, status: 400, title: 'no', detail: 'internal detail' })
const lies: readonly (readonly [string, Lie | Answer])[] = [
  ['an unsigned 200', (_request, response) => void response.end('{"true":1}')],
  ['no signature', { change: without('signature') }],
  ['no workload token', { change: without('workload-identity-token') }],
  ['a seal for an earlier request', (request, response) => answer({ nonce: earlier }, request, response)],
  ['a seal for another target', { target: '/v1/liar/other' }],
  ['a seal for another method', { method: 'POST' }],
  ['a seal of two minutes ago', { atMs: Date.now() - 120_000 }],
  ['a seal of a minute ahead', { atMs: Date.now() + 60_000 }],
  ['the seal of another module', (request, response) => answer({ identity: identityOf(other) }, request, response)],
  ['another body', { sentBody: '{"true":2}' }],
  ['a body behind a seal without one', { body: '', sentBody: '{"true":2}' }],
  ['half a body', { sentBody: '{"tr' }],
  ['another status', { sentStatus: 201 }],
  ['a field that nobody sealed', { change: (fields) => [...fields, 'location', 'https://elsewhere'] }],
  ['a cookie that nobody sealed', { change: (fields) => [...fields, 'set-cookie', 'a=b'] }],
  ['a second seal', { change: (fields) => [...fields, 'signature', 'wimse=:AAAA:'] }],
  [
    'a refusal of our seal',
    { status: 400, headers: ['content-type', 'application/problem+json'], body: problem('seal-invalid') },
  ],
  ['a body above the limit', { body: 'x'.repeat(300_000) }],
]
for (const [name, told] of lies) {
  test(`the gateway answers 502 to ${name}, tells nothing of it and records it`, async () => {
    lie = (request, response) => {
      earlier = nonceOf(request)
      honest(request, response)
    }
    assert.equal((await ask()).status, 200)
    lie = typeof told === 'function' ? told : (request, response) => answer(told, request, response)
    const { status, body, headers } = await ask()
    assert.equal(status, 502, JSON.stringify(body))
    assert.equal(body['code'], 'answer-unverified')
    assert.doesNotMatch(JSON.stringify(body), /true|seal|internal detail/)
    assert.equal(headers['set-cookie'], undefined)
    const [event] = await pop.audit('gateway', { request_id: String(headers['x-request-id']) })
    assert.equal(event?.status, 'failure')
    assert.equal(event?.reason, 'answer-unverified')
  })
}

test('a request that the module asks to seal anew is sealed anew once, and no more', async () => {
  const before = requests
  const headers = ['content-type', 'application/problem+json']
  lie = (request, response) =>
    answer({ status: 400, headers, body: JSON.stringify({ code: 'retry-seal', boot }) }, request, response)
  assert.equal((await ask()).status, 502)
  assert.equal(requests - before, 2)
})

test('a sealed field that the manifest does not declare stays inside', async () => {
  lie = (request, response) =>
    answer(
      { headers: ['content-type', 'application/json', 'x-internal', 'secret', 'server', 'liar/1'] },
      request,
      response,
    )
  const { status, headers } = await ask()
  assert.equal(status, 200)
  assert.equal(headers['x-internal'], undefined)
  assert.equal(headers['server'], undefined)
})

test('a module that says nothing is given up with 504, and the outcome of a change stays open in the log', async () => {
  await pop.changeSettings((settings) => ({ ...settings, limits: { ...settings.limits, module_silence_ms: 200 } }))
  lie = () => undefined
  const { status, body, headers } = await ask('POST')
  assert.equal(status, 504)
  assert.equal(body['code'], 'module-timeout')
  const events = await pop.audit('gateway', { request_id: String(headers['x-request-id']) })
  assert.deepEqual(
    events.map((event) => event.status),
    ['opened', 'failure'],
  )
})

test('a module that hangs up is 503, and the next request is served', async () => {
  lie = (request) => void request.socket.destroy()
  const cut = await ask()
  assert.equal(cut.status, 503)
  assert.equal(cut.headers['retry-after'], '1')
  lie = honest
  assert.equal((await ask()).status, 200)
})

test('an instance that is gone costs no request while another one lives', async () => {
  lie = honest
  const gone = { ...bootOf('liar-2'), token: pop.control.issueToken({ name: 'liar', kind: 'module', instance: '2' }) }
  const second = stack.use(await joinModule(gone, manifest))
  const digest = manifestDigest(manifest)
  await second.reportInstance({ address: 'https://127.0.0.1:1', manifest_digest: digest, boot })
  while (pop.member.bulletin.section('modules')?.['liar']?.instances.length !== 2)
    await new Promise((resolve) => setTimeout(resolve, 5))
  for (let index = 0; index < 6; index++) assert.equal((await ask('POST')).status, 200)
})

test('nothing is sent to an address where another module listens', async () => {
  let reached = 0
  const address = await serve(other, (_request, response) => {
    reached++
    response.end()
  })
  await report(address)
  assert.equal((await ask()).status, 503)
  assert.equal(reached, 0)
})
