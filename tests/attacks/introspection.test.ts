import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { ClientAnswer } from '@pop-api/testkit'
import { startBoundWorld, type BoundWorld } from './bound-world.ts'

let world: BoundWorld
/** A token that the provider itself has issued, and knows. */
let token = ''

before(async () => {
  world = await startBoundWorld()
  token = await world.pop.token('bob')
})

after(async () => {
  await world[Symbol.asyncDispose]()
})

const ask = (bearer: string): Promise<ClientAnswer> => world.pop.call(bearer, 'GET', '/openapi.json')
/** A right signature on a token whose session the provider has ended, as it alone knows. */
const ended = (): string => world.token({ sid: 'ended' })
const opaque = (): string => randomBytes(24).toString('base64url')

async function verifyBy(verify: 'jwt' | 'introspect'): Promise<void> {
  await world.pop.changeSettings((settings) => ({ ...settings, identity: { ...settings.identity, verify } }))
}

test('the provider is asked about an opaque token, and not about a JWT', async () => {
  const { status, body } = await ask(opaque())
  assert.deepEqual([status, body['code']], [401, 'token-invalid'])
  assert.match(String(body['detail']), /not active/)
  assert.equal((await ask(world.token())).status, 200)
})

test('with verify: introspect the word of the provider counts, and a right signature does not', async () => {
  await verifyBy('introspect')
  assert.equal((await ask(token)).status, 200)
  const { status, body } = await ask(ended())
  assert.deepEqual([status, body['code']], [401, 'token-invalid'])
})

test('a token that was taken by its signature is asked about once the settings say so, and the other way round', async () => {
  await verifyBy('jwt')
  const past = ended()
  assert.equal((await ask(past)).status, 200)
  await verifyBy('introspect')
  assert.equal((await ask(past)).status, 401)
  await verifyBy('jwt')
  assert.equal((await ask(past)).status, 200)
})

test('the provider is asked as the client that the settings say, and that it cannot be asked makes no token wrong', async () => {
  const askAs = (introspection_client: string) =>
    world.pop.changeSettings((settings) => ({
      ...settings,
      identity: { ...settings.identity, verify: 'introspect', introspection_client },
    }))
  await askAs('nobody')
  const { status, body } = await ask(token)
  assert.deepEqual([status, body['code']], [503, 'identity-unavailable'])
  await askAs('pop-gateway')
  assert.equal((await ask(token)).status, 200)
})

test('a bound token needs its proof however it was verified', async () => {
  await verifyBy('introspect')
  const bound = world.bound()
  assert.equal((await world.ask(bound, world.proof(bound))).status, 200)
  const bearer = await world.pop.call(bound, 'GET', '/v1/vault/open')
  assert.deepEqual([bearer.status, bearer.body['code']], [401, 'proof-missing'])
  assert.equal((await world.ask(bound, world.proof(bound))).status, 200)
})

test('a test token is verified here, for no provider knows it', async () => {
  await verifyBy('introspect')
  const minted = await world.pop.call(world.token(), 'POST', '/v1/pop/test-tokens', { roles: ['reader'] })
  assert.equal(minted.status, 201, JSON.stringify(minted.body))
  assert.equal((await ask(String(minted.body['access_token']))).status, 200)
})

test('what is no token is not asked about', async () => {
  for (const text of ['a b', 'a"b', `${opaque()}\\`, 'a'.repeat(9000), '=', 'a=b']) {
    const { status } = await ask(text)
    assert.ok(status === 401 || status === 431, text)
  }
})

test('a network that has the gateway ask too often is told to wait, and right tokens go on meanwhile', async () => {
  await verifyBy('introspect')
  await world.pop.changeSettings((settings) => ({
    ...settings,
    limits: { ...settings.limits, sign_in_rate: 1, sign_in_burst: 5 },
  }))
  assert.equal((await ask(token)).status, 200)
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(opaque())))
  const statuses = answers.map(({ status }) => status)
  assert.ok(statuses.filter((status) => status === 429).length > 20, statuses.join(' '))
  assert.equal((await ask(token)).status, 200)
})

test('while the provider is away it is 503 and never 401 for what only it can know', async () => {
  await world.pop.changeSettings((settings) => ({
    ...settings,
    limits: { ...settings.limits, sign_in_rate: 100, sign_in_burst: 100 },
  }))
  assert.equal((await ask(token)).status, 200)
  await world.pop.stopIdentity()
  // Asked about a moment ago.
  assert.equal((await ask(token)).status, 200)
  for (const unknown of [opaque(), world.token()]) {
    const { status, body, headers } = await ask(unknown)
    assert.deepEqual([status, body['code']], [503, 'identity-unavailable'])
    assert.ok(headers['retry-after'] !== undefined)
  }
})
