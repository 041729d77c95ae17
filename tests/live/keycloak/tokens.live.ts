import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { exchange, liveServers, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { totpCode } from '@pop-api/identity'
import { kafka } from '../../kafka.ts'

let pop: Pop
const topics = '/v1/kafka/topics'
const people = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay'].map((username) => ({ username, roles: ['user'] }))

before(async () => {
  pop = await startPop({ modules: [kafka], users: people })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function claimsOf(token: unknown): Record<string, unknown> {
  // Signed by the Keycloak under test; the tests look at each member.
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

/** Asks Keycloak itself, past the gateway. */
function askKeycloak(path: string, form: Readonly<Record<string, string>>, realm = pop.keycloak().realm) {
  const { server, ca } = liveServers().keycloak
  return exchange({
    method: 'POST',
    origin: server,
    path: `/realms/${realm}/protocol/openid-connect${path}`,
    ca: readFileSync(ca, 'utf8'),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
}

/** The password grant at Keycloak itself, as the gateway's client or another. */
async function signInThere(username: string, more: Readonly<Record<string, string>> = {}): Promise<ClientAnswer> {
  const user = pop.users.users.find((one) => one.username === username)
  assert.ok(user?.totp_secret !== undefined)
  const { clientId, secret } = pop.keycloak().request().gatewayClient
  return askKeycloak('/token', {
    grant_type: 'password',
    client_id: clientId,
    client_secret: secret,
    username,
    password: user.password,
    totp: totpCode(user.totp_secret, Date.now()),
    ...more,
  })
}

async function refuses(token: unknown, code = 'token-invalid'): Promise<void> {
  const answer = await pop.call(String(token), 'GET', topics)
  assert.equal(answer.status, 401, JSON.stringify(answer.body))
  assert.equal(answer.body['code'], code)
}

test('an access token has the claims of the architecture document, roles of ours alone, and a proven second factor', async () => {
  const { body } = await pop.signIn('alice')
  const { iat, exp, jti, sid, azp, typ, scope, ...claims } = claimsOf(body['access_token'])
  const alice = pop.users.users.find(({ username }) => username === 'alice')
  assert.deepEqual(claims, {
    iss: pop.issuer,
    aud: 'pop-api',
    sub: alice?.id,
    roles: ['admin', 'user'],
    acr: 'pop-mfa',
    amr: ['pwd', 'otp'],
    preferred_username: 'alice',
  })
  assert.deepEqual([azp, typ, scope], ['pop-gateway', 'Bearer', ''])
  assert.equal(Number(exp) - Number(iat), 3600)
  assert.ok(typeof jti === 'string' && typeof sid === 'string')
})

test('permissions of modules that a user was given come in the token as one flat list', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const ann = pop.users.users.find(({ username }) => username === 'ann')
  for (const [clientId, roleName] of [
    ['kafka_service', 'kafka.delete'],
    ['s3_service', 's3.delete'],
  ] as const) {
    const [client] = await kc.clients.find({ realm, clientId })
    const clientUniqueId = client?.id ?? ''
    const role = await kc.clients.findRole({ realm, id: clientUniqueId, roleName })
    await kc.users.addClientRoleMappings({
      realm,
      id: ann?.id ?? '',
      clientUniqueId,
      roles: [{ id: role?.id ?? '', name: roleName }],
    })
  }
  const { permissions, resource_access: access } = claimsOf((await pop.signIn('ann')).body['access_token'])
  assert.deepEqual([permissions].flat().toSorted(), ['kafka.delete', 's3.delete'])
  assert.equal(access, undefined)
})

test('a service client is itself, with its own roles, and goes without a second factor', async () => {
  const [client] = pop.users.clients
  const { client_id = '', client_secret = '' } = client ?? {}
  const answer = await pop.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
  const { roles, aud, acr } = claimsOf(answer.body['access_token'])
  assert.deepEqual([roles, aud, acr], [['reader'], 'pop-api', 'pop-pwd'])
  assert.equal((await pop.call(String(answer.body['access_token']), 'GET', topics)).status, 200)
})

test('the gateway refuses a refresh token of Keycloak as an access token', async () => {
  const { body } = await signInThere('ben')
  await refuses(body['refresh_token'])
})

test('the gateway refuses an ID token of Keycloak as an access token', async () => {
  const { body } = await signInThere('cid', { scope: 'openid' })
  assert.equal(claimsOf(body['id_token'])['typ'], 'ID')
  await refuses(body['id_token'])
})

test('the gateway refuses a token of another realm of the same Keycloak', async () => {
  await using other = await startPop()
  const answer = await other.signIn('alice')
  assert.equal(answer.status, 200)
  await refuses(answer.body['access_token'])
})

test('the gateway refuses a token of a client that is not for this API', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const secret = crypto.randomUUID()
  await kc.clients.create({ realm, clientId: 'another-api', secret, directAccessGrantsEnabled: true, enabled: true })
  const { status, body } = await signInThere('dee', { client_id: 'another-api', client_secret: secret })
  assert.equal(status, 200, JSON.stringify(body))
  assert.notEqual(claimsOf(body['access_token'])['aud'], 'pop-api')
  await refuses(body['access_token'])
})

test('the gateway refuses a token for this API and another one', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const secret = crypto.randomUUID()
  await kc.clients.create({
    realm,
    clientId: 'two-apis',
    secret,
    directAccessGrantsEnabled: true,
    enabled: true,
    defaultClientScopes: ['basic', 'acr', 'pop'],
    protocolMappers: [
      {
        name: 'second',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-audience-mapper',
        config: { 'included.custom.audience': 'second-api', 'access.token.claim': 'true' },
      },
    ],
  })
  const { status, body } = await signInThere('eve', { client_id: 'two-apis', client_secret: secret })
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([claimsOf(body['access_token'])['aud']].flat().toSorted(), ['pop-api', 'second-api'])
  await refuses(body['access_token'])
})

test('a token without a second factor reaches no module, whatever the realm lets through', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const flow = (await kc.realms.findOne({ realm }))?.directGrantFlow ?? ''
  await kc.realms.update({ realm }, { directGrantFlow: 'direct grant' })
  try {
    const { status, body } = await signInThere('fay')
    assert.equal(status, 200, JSON.stringify(body))
    const answer = await pop.call(String(body['access_token']), 'GET', topics)
    assert.equal(answer.status, 401)
    assert.equal(answer.body['code'], 'second-factor-required')
    assert.match(String(answer.headers['www-authenticate']), /insufficient_user_authentication.*acr_values="pop-mfa"/)
  } finally {
    await kc.realms.update({ realm }, { directGrantFlow: flow })
  }
})

test('an admin token of Keycloak itself opens nothing', async () => {
  const { keycloak } = liveServers()
  const { status, body } = await askKeycloak(
    '/token',
    { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: keycloak.adminPassword },
    'master',
  )
  assert.equal(status, 200)
  await refuses(body['access_token'])
})
