import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'
import { atProvider, grants } from '../../sign-in/ways.ts'
import { codeOf } from '../../sign-in/world.ts'
import { askKeycloak, claimsIn, pagesOf, personOf } from './at-keycloak.ts'

// What the gateway does with Keycloak's word about a token, where that counts instead of the signature.

const names = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal']
const topics = '/v1/kafka/topics'
const lightweight = 'client.use.lightweight.access.token.enabled'

let pop: Pop

before(async () => {
  pop = await startPop({
    modules: [kafka],
    users: names.map((username) => ({ username, roles: ['user'] })),
    services: [{ clientId: 'exchanger', exchangesTokens: true }],
  })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

async function verifyBy(verify: 'jwt' | 'introspect', introspectionClient = 'pop-api'): Promise<void> {
  await pop.changeSettings((settings) => ({
    ...settings,
    identity: { ...settings.identity, verify, introspection_client: introspectionClient },
  }))
}

async function use(token: unknown): Promise<string> {
  const { status, body } = await pop.call(String(token), 'GET', topics)
  return status === 200 ? '200' : `${status} ${String(body['code'])}`
}

const signIn = async (username: string): Promise<ClientAnswer['body']> => (await pop.signIn(username)).body

function clientOf(id: string): { readonly client_id: string; readonly client_secret: string } {
  const client = pop.users.clients.find(({ client_id }) => client_id === id)
  assert.ok(client !== undefined)
  return { client_id: id, client_secret: client.client_secret }
}

/** Ends all sessions of a user at Keycloak, of which it tells the gateway in its own time. */
async function forgetSessions(name: string): Promise<void> {
  const { realm, admin } = pop.keycloak()
  await (await admin()).users.logout({ realm, id: personOf(pop, name).id })
}

test('with verify: introspect the gateway asks as the client that a token is for, and takes what Keycloak calls active', async () => {
  const { access_token: token, refresh_token: refreshToken } = await signIn('ann')
  await verifyBy('introspect')
  assert.equal(await use(token), '200')
  assert.equal(await use(refreshToken), '401 token-invalid')
  assert.equal(await use('AnOpaqueTokenOfNobody'), '401 token-invalid')
})

test('as its own client, for which no token is, the gateway would be told of none', async () => {
  const { access_token: token } = await signIn('ben')
  await verifyBy('introspect', 'pop-gateway')
  assert.equal(await use(token), '401 token-invalid')
  await verifyBy('introspect')
  assert.equal(await use(token), '200')
})

test('a client that Keycloak does not know makes no token wrong: the provider cannot be asked', async () => {
  const { access_token: token } = await signIn('cid')
  await verifyBy('introspect', 'nobody')
  assert.equal(await use(token), '503 identity-unavailable')
})

test('a session that has ended at Keycloak ends its tokens, whatever their signature says', async () => {
  await verifyBy('jwt')
  const { access_token: token } = await signIn('dee')
  assert.equal(await use(token), '200')
  await forgetSessions('dee')
  await verifyBy('introspect')
  const refusal = await use(token)
  assert.ok(['401 token-invalid', '401 token-revoked'].includes(refusal), refusal)
})

test('a lightweight token is refused by its signature, for it says nothing, and taken by the word of Keycloak', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const [client] = await kc.clients.find({ realm, clientId: 'pop-gateway' })
  const id = client?.id ?? ''
  const setLightweight = (value: string) =>
    kc.clients.update({ realm, id }, { ...client, attributes: { ...client?.attributes, [lightweight]: value } })
  await verifyBy('introspect')
  await setLightweight('true')
  const { access_token: token } = await signIn('eve')
  await setLightweight('false')
  const said = claimsIn(token)
  assert.ok(!('sub' in said) && !('aud' in said), JSON.stringify(said))
  await verifyBy('jwt')
  assert.equal(await use(token), '401 token-invalid')
  await verifyBy('introspect')
  assert.equal(await use(token), '200')
})

test('a second factor is seen through an exchange, of which Keycloak says no level', async () => {
  await verifyBy('introspect')
  const subject = await atProvider(pagesOf(pop), personOf(pop, 'fay'), 'openid for-exchanger')
  const { body } = await pop.form('/oauth/token', {
    ...clientOf('exchanger'),
    grant_type: grants.exchange,
    subject_token: String(subject.body['access_token']),
    subject_token_type: grants.accessToken,
    requested_token_type: grants.accessToken,
  })
  assert.equal(await use(subject.body['access_token']), '401 token-invalid')
  assert.equal(await use(body['access_token']), '200')
})

test('a service client is exempt from the second factor, and a user without one is not', async () => {
  await verifyBy('introspect')
  const service = await pop.form('/oauth/token', { grant_type: 'client_credentials', ...clientOf('reporter') })
  assert.equal(await use(service.body['access_token']), '200')
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const flow = (await kc.realms.findOne({ realm }))?.directGrantFlow ?? ''
  await kc.realms.update({ realm }, { directGrantFlow: 'direct grant' })
  try {
    const { clientId, secret } = pop.keycloak().request().gatewayClient
    const gil = personOf(pop, 'gil')
    const form = { username: gil.username, password: gil.password, totp: codeOf(gil) }
    const client = { client_id: clientId, client_secret: secret }
    const { body } = await askKeycloak(pop, '/token', { grant_type: 'password', ...client, ...form })
    assert.equal(await use(body['access_token']), '401 second-factor-required')
  } finally {
    await kc.realms.update({ realm }, { directGrantFlow: flow })
  }
})

test('POST /oauth/introspect tells a service of a token that is for it, and nothing of any other', async () => {
  await verifyBy('jwt')
  const subject = await atProvider(pagesOf(pop), personOf(pop, 'hal'), 'openid for-exchanger')
  const token = String(subject.body['access_token'])
  const introspect = async (asked: string, id: string) =>
    (await pop.form('/oauth/introspect', { token: asked, ...clientOf(id) })).body
  const told = await introspect(token, 'exchanger')
  assert.deepEqual([told['active'], told['sub'], told['client_id']], [true, personOf(pop, 'hal').id, 'pop-cli'])
  assert.deepEqual(await introspect(token, 'reporter'), { active: false })
  await forgetSessions('hal')
  assert.deepEqual(await introspect(token, 'exchanger'), { active: false })
})
