import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileLog } from '@pop-api/audit'
import { PopError, createNonceStore, type FlatFields } from '@pop-api/protocol'
import { allowPlainLoopback } from './context.ts'
import { notes } from './test-notes.ts'
import { gateway, startWorld, type Call, type Sent } from './test-world.ts'

const creation: Call = {
  method: 'POST',
  target: '/v1/notes/items',
  operation: 'POST /items',
  scope: 'notes.write:any',
  json: { note: 'a' },
}
const reading: Call = {
  method: 'GET',
  target: '/v1/notes/items/a',
  operation: 'GET /items/{note}',
  scope: 'notes.read:own',
}

test('createModuleServer() hands a proven request to the handler and seals its answer', async () => {
  const { definition, reached } = notes()
  await using world = await startWorld(definition)
  const created = await world.call(creation)
  assert.deepEqual([created.status, created.sealed], [201, true])
  assert.deepEqual(created.json, { kind: 'note', id: 'a', owner: 'user:bob', visibility: 'private' })
  assert.deepEqual(reached[0]?.caller, { subject: 'user:bob', name: 'bob' })
  const [event] = await world.events()
  const { timestamp, latency_ms: latencyMs, ...rest } = event ?? assert.fail('nothing was recorded')
  assert.equal(typeof latencyMs, 'number')
  assert.match(timestamp, /Z$/)
  assert.deepEqual(rest, {
    action: 'resource_creation',
    user: 'bob',
    service: 'notes',
    resource_id: 'a',
    ip_address: '192.0.2.7',
    status: 'success',
    request_id: 'req-1',
    txn: 'txn-req-1',
    decision: 'dec-req-1',
    subject: 'user:bob',
    operation: 'POST /items',
    code: 201,
  })
})

const without = (headers: FlatFields, ...names: readonly string[]): FlatFields =>
  headers.filter((_, index) => !names.includes(headers[index - (index % 2)] ?? ''))
const field = (headers: FlatFields, name: string): string => headers[headers.indexOf(name) + 1] ?? ''
const exchanged = (headers: FlatFields, name: string, value: string): FlatFields => [
  ...without(headers, name),
  name,
  value,
]

/** What the issue lists under "Calling the module directly", and what stands beside it. */
const refusals: readonly (readonly [string, string, Partial<Call>])[] = [
  [
    'without a seal',
    'seal-missing',
    { tamper: (sent) => ({ ...sent, headers: without(sent.headers, 'signature', 'signature-input') }) },
  ],
  ['with a swapped body', 'seal-body', { tamper: (sent) => ({ ...sent, body: Buffer.from('{"note":"b"}') }) }],
  ['with its body left out', 'seal-body', { tamper: (sent) => ({ ...sent, body: undefined }) }],
  ['with a Txn-Token for another operation', 'seal-txn', { operation: 'PATCH /items/{note}' }],
  [
    'with a Txn-Token for another target',
    'seal-txn',
    { claims: (claims) => ({ ...claims, tctx: { ...claims.tctx, target: '/v1/notes/items/b' } }) },
  ],
  [
    'with a Txn-Token for another module',
    'seal-txn',
    { claims: (claims) => ({ ...claims, tctx: { ...claims.tctx, module: 'kafka_service' } }) },
  ],
  [
    'with a Txn-Token for another workload',
    'seal-identity',
    { claims: (claims) => ({ ...claims, req_wl: `${gateway}-2` }) },
  ],
  [
    'with an expired Txn-Token',
    'seal-txn',
    { claims: (claims) => ({ ...claims, iat: claims.iat - 100, exp: claims.exp - 100 }) },
  ],
  ['sealed for another instance', 'seal-audience', { audience: 'spiffe://pop.internal/module/notes/2' }],
  ['sealed for an earlier start', 'retry-seal', { boot: 'ZWFybGllci1zdGFydC0x' }],
  [
    'with a field that is not covered',
    'seal-uncovered',
    { tamper: (sent) => ({ ...sent, headers: [...sent.headers, 'accept', '*/*'] }) },
  ],
  [
    'with an Authorization field',
    'seal-malformed',
    { tamper: (sent) => ({ ...sent, headers: [...sent.headers, 'authorization', 'Bearer x'] }) },
  ],
  ['with a cookie', 'seal-malformed', { tamper: (sent) => ({ ...sent, headers: [...sent.headers, 'cookie', 'a=b'] }) }],
  [
    'with an API key',
    'seal-malformed',
    { tamper: (sent) => ({ ...sent, headers: [...sent.headers, 'x-api-key', 'pop_x'] }) },
  ],
  ['with a second signature', 'seal-malformed', { tamper: secondSignature }],
  [
    'with a field twice',
    'seal-malformed',
    { tamper: (sent) => ({ ...sent, headers: [...sent.headers, 'pop-request', 'x'] }) },
  ],
  [
    'with the signature of another message',
    'seal-invalid',
    { tamper: (sent) => ({ ...sent, headers: exchanged(sent.headers, 'pop-request', 'other') }) },
  ],
]

function secondSignature({ headers, body }: Sent): Sent {
  const input = field(headers, 'signature-input')
  const signature = field(headers, 'signature')
  const second = exchanged(headers, 'signature-input', `${input}, other${input.slice('wimse'.length)}`)
  return { body, headers: exchanged(second, 'signature', `${signature}, other${signature.slice('wimse'.length)}`) }
}

for (const [name, code, change] of refusals) {
  test(`createModuleServer() refuses and records a request ${name}`, async () => {
    const { definition, reached } = notes()
    await using world = await startWorld(definition)
    const answer = await world.call({ ...creation, ...change })
    assert.equal(answer.json['code'], code)
    assert.equal(reached.length, 0)
    const events = await world.events()
    assert.equal(events.length, 1)
    assert.deepEqual([events[0]?.action, events[0]?.reason, events[0]?.status], ['seal_refusal', code, 'refused'])
    // Bound to the request wherever its nonce could be read.
    assert.equal(answer.sealed, !['seal-missing', 'seal-malformed'].includes(code) || bindsAnyway(name))
    assert.equal((await world.call(creation)).status, 201)
  })
}

function bindsAnyway(name: string): boolean {
  return /Authorization|cookie|API key/.test(name)
}

test('createModuleServer() records the trace that the gateway sends under its seal, and none for what names none', async () => {
  const { definition } = notes()
  await using world = await startWorld(definition)
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await world.call({ ...creation, headers: ['traceparent', traceparent] })
  await world.call({ ...reading, headers: ['traceparent', 'nonsense'] })
  await world.call(reading)
  const refused = await world.call({
    ...reading,
    headers: ['traceparent', traceparent],
    tamper: (sent) => ({ ...sent, headers: exchanged(sent.headers, 'traceparent', traceparent.replace('4b', '5b')) }),
  })
  assert.equal(refused.json['code'], 'seal-invalid')
  assert.deepEqual(
    (await world.events()).map(({ trace }) => trace),
    ['4bf92f3577b34da6a3ce929d0e0e4736', undefined, undefined, undefined],
  )
})

test('createModuleServer() refuses a replayed seal', async () => {
  const { definition, reached } = notes()
  await using world = await startWorld(definition)
  const first = await world.call({ ...creation, json: { note: 'a' } })
  const again = await world.call({ ...creation, tamper: () => first.sent })
  assert.equal(first.status, 201)
  assert.equal(again.json['code'], 'seal-replayed')
  assert.equal(reached.length, 1)
})

test('createModuleServer() gives the boot value of this start with retry-seal', async () => {
  await using world = await startWorld(notes().definition)
  const refused = await world.call({ ...creation, boot: 'ZWFybGllci1zdGFydC0x' })
  assert.deepEqual([refused.status, refused.sealed, refused.json['boot']], [400, true, world.boot])
  assert.equal((await world.call({ ...creation, boot: String(refused.json['boot']) })).status, 201)
})

test('createModuleServer() refuses a connection without a client certificate unless plain loopback is allowed', async () => {
  const { definition, reached } = notes()
  await using world = await startWorld(definition, { [allowPlainLoopback]: false })
  assert.equal((await world.call(creation)).json['code'], 'seal-identity')
  assert.equal(reached.length, 0)
})

test('createModuleServer() refuses a peer that is not the workload of the seal', async () => {
  await using other = await startWorld(notes().definition, {
    peerOf: () => 'spiffe://pop.internal/module/s3_service/1',
  })
  assert.equal((await other.call(creation)).json['code'], 'seal-identity')
  await using same = await startWorld(notes().definition, { peerOf: () => gateway })
  assert.equal((await same.call(creation)).status, 201)
})

test('createModuleServer() refuses everything while there are no trusted keys', async () => {
  await using world = await startWorld(notes().definition, { trust: () => undefined })
  const answer = await world.call(creation)
  assert.deepEqual([answer.status, answer.json['code']], [503, 'module-unavailable'])
})

test('createModuleServer() answers 503 when the replay store is full', async () => {
  await using world = await startWorld(notes().definition, { nonces: createNonceStore(0) })
  const answer = await world.call(creation)
  assert.deepEqual([answer.status, answer.json['code'], answer.sealed], [503, 'seal-full', true])
})

test('createModuleServer() seals its own 404, 405, 413 and refusals of the schema', async () => {
  const { definition, reached } = notes()
  await using world = await startWorld(definition)
  const cases: readonly (readonly [number, string, Partial<Call>])[] = [
    [404, 'no-such-operation', { target: '/v1/notes/other' }],
    [405, 'method-not-allowed', { method: 'PUT' }],
    [400, 'ambiguous-target', { target: '/v1/notes/%69tems' }],
    [413, 'body-too-large', { json: { note: 'a'.repeat(300_000) } }],
    [422, 'body-invalid', { json: { note: 7 } }],
    [422, 'body-invalid', { json: { note: 'a', owner: 'user:eve' } }],
    [422, 'body-invalid', { json: undefined }],
    [400, 'body-malformed', { json: { note: '\ud800' } }],
    [422, 'body-invalid', { json: { note: 'a\u0000' } }],
    [400, 'parameter-invalid', { ...reading, json: undefined, target: '/v1/notes/items/a?x=1' }],
    [415, 'media-type-unsupported', { ...reading, json: {} }],
  ]
  for (const [status, code, change] of cases) {
    const answer = await world.call({ ...creation, ...change })
    assert.deepEqual([answer.status, answer.json['code'], answer.sealed], [status, code, true])
  }
  assert.equal(reached.length, 0)
  assert.equal((await world.events()).length, cases.length)
})

test('createModuleServer() never tells why a handler failed, and reports it', async () => {
  const secret = new Error('secret detail')
  const { definition } = notes({
    get: () => {
      throw secret
    },
    change: () => {
      throw new PopError('seal-replayed', 'secret detail')
    },
    remove: () => ({ status: 404 }),
  })
  await using world = await startWorld(definition)
  await world.call(creation)
  const operation = (method: string) => ({ ...reading, method, operation: `${method} /items/{note}` })
  const answers = [
    await world.call(reading),
    await world.call({ ...operation('PATCH'), scope: 'notes.write:own', json: {} }),
    await world.call({ ...operation('DELETE'), scope: 'notes.delete:any' }),
  ]
  for (const answer of answers) {
    assert.deepEqual([answer.status, answer.json['code'], answer.sealed], [500, 'internal', true])
    assert.doesNotMatch(JSON.stringify(answer.json), /secret/)
  }
  assert.equal(world.faults.length, 3)
})

test('createModuleServer() answers 503 when the action could not be recorded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pop-module-'))
  const audit = await openFileLog({ directory })
  // A log that is closed refuses every append, as one on a full disk does.
  await audit[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
  await using world = await startWorld(notes().definition, { audit })
  const created = await world.call(creation)
  assert.deepEqual([created.status, created.json['code'], created.json['outcome']], [503, 'audit-unavailable', 'done'])
  const read = await world.call(reading)
  assert.deepEqual([read.status, read.json['outcome'], read.sealed], [503, 'nothing', true])
})
