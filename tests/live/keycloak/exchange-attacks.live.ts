import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rotateKeys, totpCode } from '@pop-api/identity'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { developmentSettings } from '@pop-api/settings'
import { exchange, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'

const topics = '/v1/kafka/topics'
const revocations = '/v1/pop/incidents/revocations'
const tokenType = 'urn:ietf:params:oauth:token-type:access_token'

let pop: Pop
let alice = ''

before(async () => {
  pop = await startPop({
    modules: [kafka],
    settings: `${developmentSettings}limits:\n  sign_in_rate: 1000\n  sign_in_burst: 1000\n`,
    users: [
      ...['ann', 'ben', 'cid', 'dee'].map((username) => ({ username, roles: ['user'] })),
      { username: 'zoe', roles: ['admin'] },
    ],
    services: [{ clientId: 'exchanger', exchangesTokens: true }],
  })
  alice = await pop.token('alice')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function part(token: string, index: 0 | 1): JsonObject {
  const parsed: unknown = JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())
  return isJsonObject(parsed) ? parsed : {}
}

/** A token of a user that is for the service, as Keycloak gives it to whoever asks for that scope. */
async function tokenFor(username: string): Promise<string> {
  const user = pop.users.users.find((one) => one.username === username)
  const { clientId, secret } = pop.keycloak().request().gatewayClient
  const { origin, pathname } = new URL(pop.issuer)
  const answer = await exchange({
    method: 'POST',
    origin,
    path: `${pathname}/protocol/openid-connect/token`,
    ca: pop.issuerCa,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: clientId,
      client_secret: secret,
      username,
      password: user?.password ?? '',
      totp: totpCode(user?.totp_secret ?? '', Date.now()),
      scope: 'openid for-exchanger',
    }).toString(),
  })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return String(answer.body['access_token'])
}

function swap(subjectToken: string): Promise<ClientAnswer> {
  const client = pop.users.clients.find(({ client_id: id }) => id === 'exchanger')
  return pop.form('/oauth/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'exchanger',
    client_secret: client?.client_secret ?? '',
    subject_token: subjectToken,
    subject_token_type: tokenType,
  })
}

async function isRefused(subjectToken: string): Promise<void> {
  const { status, body } = await swap(subjectToken)
  // Some of these Keycloak knows itself, and says so in another word.
  assert.equal(status, 400)
  assert.match(String(body['error']), /^invalid_(grant|request)$/)
}

test('a token that nobody revoked is exchanged, and the new one is taken', async () => {
  const { status, body } = await swap(await tokenFor('ann'))
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal((await pop.call(String(body['access_token']), 'GET', topics)).status, 200)
})

test('a token that an operator revoked comes back by no exchange', async () => {
  const token = await tokenFor('ben')
  const order = { token: part(token, 1)['jti'], reason: 'it leaked' }
  assert.equal((await pop.call(alice, 'POST', revocations, order)).status, 201)
  await isRefused(token)
})

test('a token that its holder revoked comes back by no exchange, though it was never for the gateway alone', async () => {
  const token = await tokenFor('cid')
  assert.equal((await pop.form('/oauth/revoke', { token })).status, 200)
  await isRefused(token)
})

test('what a revoked key signed comes back by no exchange', async () => {
  const token = await tokenFor('dee')
  const { realm, admin } = pop.keycloak()
  await rotateKeys(await admin(), realm, Date.now())
  // The key of one's own token is revoked by nobody: zoe's is a new one, alice's the old one.
  const zoe = await pop.token('zoe')
  const order = { key: part(token, 0)['kid'], reason: 'the key leaked' }
  assert.equal((await pop.call(alice, 'POST', revocations, order)).status, 409)
  assert.equal((await pop.call(zoe, 'POST', revocations, order)).status, 201)
  await isRefused(token)
})
