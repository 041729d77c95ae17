import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifyRevocation, type ManifestDocument, type RevocationFacts, type TxnClaims } from '@pop-api/protocol'
import { defineModule, type Handler } from './definition.ts'
import { watchRevoked } from './revoked.ts'
import { startWorld } from './test-world.ts'

const requires = { role: 'create_resource', module: 'files.write' }
const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'files', version: '1' },
  'x-pop-module': { name: 'files', base: '/v1/files', permissions: ['files.write'] },
  paths: {
    '/file': {
      put: { operationId: 'put', 'x-pop-requires': requires, 'x-pop-stream': 'upload' },
      get: { operationId: 'get', 'x-pop-requires': requires },
    },
  },
}

const seconds = Math.floor(Date.now() / 1000)
const until = seconds + 600
const target = '/v1/files/file'
const rctx = {
  sid: 's-1',
  client: 'pop-cli',
  auth_jti: 'j-1',
  auth_kid: 'k-1',
  auth_iat: seconds,
  auth_time: seconds - 60,
}
const claims = (txn: TxnClaims): TxnClaims => ({ ...txn, rctx: { ...txn.rctx, ...rctx } })
const shared = { target, scope: 'files.write:any', claims }
const read = { ...shared, method: 'GET', operation: 'GET /file' }
const write = { ...shared, method: 'PUT', operation: 'PUT /file' }
const section = (...facts: RevocationFacts[]) => ({ revocations: facts.map(identifyRevocation) })

function files(change: Readonly<Record<string, Handler>> = {}) {
  const none: Handler = () => ({ status: 204 })
  return defineModule({ manifest, handlers: { put: none, get: none, ...change } })
}

const covering: readonly (readonly [string, RevocationFacts])[] = [
  ['the token', { kind: 'jti', value: 'j-1', until }],
  ['the session', { kind: 'sid', value: 's-1', until }],
  ['the key', { kind: 'kid', value: 'k-1', until }],
  ['the user', { kind: 'sub', value: 'user:bob', until, issued_until: seconds }],
  ['the user before the refresh', { kind: 'sub', value: 'user:bob', until, issued_until: seconds - 30 }],
  ['the client', { kind: 'client', value: 'pop-cli', until, issued_until: seconds }],
  ['everything of the provider', { kind: 'issuer', value: 'https://id.example', until, issued_until: seconds }],
]
for (const [name, facts] of covering) {
  test(`createModuleServer() refuses a Txn-Token of somebody of whom ${name} was revoked`, async () => {
    const revoked = watchRevoked(Date.now)
    let reached = 0
    const get: Handler = () => {
      reached++
      return { status: 204 }
    }
    await using world = await startWorld(files({ get }), { revoked })
    assert.equal((await world.call(read)).status, 204)
    revoked.apply(section(facts))
    const refused = await world.call(read)
    assert.deepEqual([refused.status, refused.sealed, refused.json['code']], [401, true, 'token-revoked'])
    assert.equal(reached, 1)
    const event = (await world.events()).at(-1)
    assert.deepEqual([event?.status, event?.reason, event?.subject], ['refused', 'token-revoked', 'user:bob'])
    revoked.apply(section())
    assert.equal((await world.call(read)).status, 204, 'until it is taken back')
  })
}

const others: readonly (readonly [string, RevocationFacts])[] = [
  ['another session', { kind: 'sid', value: 's-2', until }],
  ['the user before this sign-in', { kind: 'sub', value: 'user:bob', until, issued_until: seconds - 61 }],
  ['another user', { kind: 'sub', value: 'user:eve', until, issued_until: seconds }],
  ['the session until a moment that is past', { kind: 'sid', value: 's-1', until: seconds - 1 }],
]
for (const [name, facts] of others) {
  test(`createModuleServer() goes on where ${name} was revoked`, async () => {
    const revoked = watchRevoked(Date.now)
    await using world = await startWorld(files(), { revoked })
    revoked.apply(section(facts))
    assert.equal((await world.call(read)).status, 204)
  })
}

test('an answer that is being streamed to somebody is cut when he is revoked, also while its source says nothing', async () => {
  const revoked = watchRevoked(Date.now, 1)
  const left = Promise.withResolvers<void>()
  const never = Promise.withResolvers<void>()
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.alloc(1000)
      setImmediate(() => revoked.apply(section({ kind: 'sid', value: 's-1', until })))
      await never.promise
    } finally {
      left.resolve()
    }
  }
  const get: Handler = () => ({
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    stream: { bytes: bytes() },
  })
  await using world = await startWorld(files({ get }), { revoked })
  await assert.rejects(world.call(read), /aborted|socket hang up/)
  const [event] = await world.events()
  assert.deepEqual([event?.status, event?.reason, event?.code], ['refused', 'token-revoked', 401])
  never.resolve()
  await left.promise
  assert.deepEqual(world.faults, [])
})

test('an upload of somebody is cut when he is revoked, and its handler commits nothing', async () => {
  const revoked = watchRevoked(Date.now, 1)
  const committed: string[] = []
  const put: Handler = async ({ stream }) => {
    for await (const _piece of stream?.bytes ?? []) revoked.apply(section({ kind: 'sid', value: 's-1', until }))
    if ((await stream?.verified) === 'complete') committed.push('committed')
    return { status: 201 }
  }
  await using world = await startWorld(files({ put }), { revoked })
  // It would break off by itself after a while; the cut comes before.
  const upload = { pieces: [Buffer.alloc(1000)], trailers: () => undefined }
  await assert.rejects(world.call({ ...write, upload }), /socket hang up|ECONNRESET|broken off/)
  while ((await world.events()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const [event] = await world.events()
  assert.deepEqual([event?.status, event?.reason], ['refused', 'token-revoked'])
  assert.deepEqual(committed, [])
})

test('who is not revoked is not cut with others', async () => {
  const revoked = watchRevoked(Date.now, 0)
  const put: Handler = async ({ stream }) => {
    for await (const _piece of stream?.bytes ?? [])
      revoked.apply(
        section({ kind: 'sid', value: 's-2', until }, { kind: 'sub', value: 'user:eve', until, issued_until: seconds }),
      )
    return { status: 201, body: { ending: await stream?.verified } }
  }
  await using world = await startWorld(files({ put }), { revoked })
  const answer = await world.call({ ...write, upload: { pieces: [Buffer.alloc(1000), Buffer.alloc(10)] } })
  assert.deepEqual([answer.status, answer.json], [201, { ending: 'complete' }])
})
