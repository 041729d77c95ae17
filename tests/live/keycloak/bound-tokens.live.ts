import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, X509Certificate, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import { developmentSettings } from '@pop-api/settings'
import {
  exchange,
  liveServers,
  makeAuthority,
  startPop,
  takeAuthority,
  type ClientAnswer,
  type ClientRequest,
  type Pop,
} from '@pop-api/testkit'
import { vault } from '../../attacks/bound-world.ts'
import { begin, codeBrought, passPages } from '../../sign-in/ways.ts'
import { askKeycloak, claimsIn, makeProof, pagesOf, personOf, tokenEndpoint } from './at-keycloak.ts'

// Tokens that Keycloak has bound, at the gateway. A proof names the address that it is for, and TLS ends at the gateway: so they are
// fetched at Keycloak itself.

const settings = `${developmentSettings}
grants:
  user: [vault.read]
listeners:
  gateway_mtls: true
`
const secret = 'the-secret-of-these-two-programs'
const open = '/v1/vault/open'
const names = ['ann', 'ben', 'cid', 'dee', 'eve']

let pop: Pop
const makeKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const key = makeKey()

before(async () => {
  pop = await startPop({ modules: [vault], settings, users: names.map((username) => ({ username, roles: ['user'] })) })
  const { request, apply } = pop.keycloak()
  const program = { authentication: 'secret', secret, roles: ['user'], exchangesTokens: false } as const
  const { serviceClients } = await apply({
    services: [
      ...request().services,
      { ...program, clientId: 'prover', bound: 'dpop' },
      { ...program, clientId: 'shower', bound: 'certificate' },
    ],
  })
  await pop.changeSettings((now) => ({ ...now, identity: { ...now.identity, service_clients: serviceClients } }))
  const { body } = await asService('prover', { proof: makeProof(key, 'POST', tokenEndpoint(pop)) })
  // A gateway takes no proof of before its start.
  while ((await use(body['access_token'])) === '503 proof-unavailable') await pause(100)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function asService(clientId: string, options: Parameters<typeof askKeycloak>[3] = {}): Promise<ClientAnswer> {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret }
  return askKeycloak(pop, '/token', form, options)
}

/** The authorization code grant of the command line's own client, at Keycloak's pages and its token endpoint. */
async function byBrowser(name: string, proof?: string): Promise<ClientAnswer['body']> {
  const begun = await begin(pagesOf(pop))
  const { end } = await passPages(begun.browser, begun.page, personOf(pop, name))
  const form = {
    grant_type: 'authorization_code',
    client_id: 'pop-cli',
    code: codeBrought(end),
    redirect_uri: begun.redirectUri,
    code_verifier: begun.verifier,
  }
  const { status, body } = await askKeycloak(pop, '/token', form, proof === undefined ? {} : { proof })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

const proofFor = (token: unknown, holder = key, url = `${pop.gateway}${open}`, method = 'GET'): string =>
  makeProof(holder, method, url, String(token))

interface Use {
  readonly path?: string
  readonly proof?: string
  readonly scheme?: 'Bearer' | 'DPoP'
}

/** Status and code of a request with a token, and a proof that fits unless told. */
async function use(token: unknown, { path = open, scheme = 'DPoP', proof }: Use = {}): Promise<string> {
  const fields = {
    authorization: `${scheme} ${String(token)}`,
    dpop: proof ?? proofFor(token, key, pop.gateway + path),
  }
  return codeOf(await pop.call(undefined, 'GET', path, undefined, fields))
}

function codeOf({ status, body }: ClientAnswer): string {
  const { code } = body
  return typeof code === 'string' ? `${status} ${code}` : String(status)
}

const onlyBearer = (token: unknown): Promise<string> => pop.call(String(token), 'GET', open).then(codeOf)

test('a user’s token that Keycloak has bound to a key is taken with proofs of that key', async () => {
  const { token_type: type, access_token: token } = await byBrowser('ann', makeProof(key, 'POST', tokenEndpoint(pop)))
  const { typ, cnf } = claimsIn(token)
  const jkt = await calculateJwkThumbprint(await exportJWK(key))
  assert.deepEqual([type, typ, cnf], ['DPoP', 'DPoP', { jkt, 'kc-jkt-type': 'DPoP' }])
  assert.equal(await use(token), '200')
  assert.equal(await use(token, { path: '/v1/vault/bound' }), '200')
  await refusesTheft(token)
})

/** What a thief of a bound token can do, with all but its key. */
async function refusesTheft(token: unknown): Promise<void> {
  const another = (await asService('prover', { proof: makeProof(key, 'POST', tokenEndpoint(pop)) })).body[
    'access_token'
  ]
  const used = proofFor(token)
  assert.equal(await use(token, { proof: used }), '200')
  assert.equal(await use(token, { proof: used }), '401 proof-invalid', 'replayed')
  assert.equal(await onlyBearer(token), '401 proof-missing')
  assert.equal(await use(token, { scheme: 'Bearer' }), '401 proof-missing')
  const proofs: Readonly<Record<string, string>> = {
    'another key': proofFor(token, makeKey()),
    'another address': proofFor(token, key, `${pop.gateway}/v1/vault/bound`),
    'the address of Keycloak': makeProof(key, 'POST', tokenEndpoint(pop)),
    'another method': proofFor(token, key, undefined, 'POST'),
    'no token': makeProof(key, 'GET', `${pop.gateway}${open}`),
    'another token': proofFor(another),
  }
  for (const [name, proof] of Object.entries(proofs))
    assert.equal(await use(token, { proof }), '401 proof-invalid', name)
}

test('a token that Keycloak has bound to nothing passes neither as DPoP nor where a bound one is asked for', async () => {
  const { token_type: type, access_token: token } = await byBrowser('ben')
  assert.equal(type, 'Bearer')
  assert.equal(await onlyBearer(token), '200')
  assert.equal(await use(token), '401 credential-unsupported')
  const answer = await pop.call(String(token), 'GET', '/v1/vault/bound')
  assert.equal(codeOf(answer), '401 binding-required')
  assert.match(String(answer.headers['www-authenticate']), /^DPoP /)
})

test('a bound token is renewed at Keycloak by who has the key, and by nobody else', async () => {
  const endpoint = tokenEndpoint(pop)
  const { refresh_token: refreshToken } = await byBrowser('cid', makeProof(key, 'POST', endpoint))
  const form = { grant_type: 'refresh_token', client_id: 'pop-cli', refresh_token: String(refreshToken) }
  assert.equal((await askKeycloak(pop, '/token', form)).status, 400)
  assert.equal((await askKeycloak(pop, '/token', form, { proof: makeProof(makeKey(), 'POST', endpoint) })).status, 400)
  assert.equal((await pop.form('/oauth/token', form)).status, 400)
  const renewed = await askKeycloak(pop, '/token', form, { proof: makeProof(key, 'POST', endpoint) })
  assert.equal(renewed.status, 200, JSON.stringify(renewed.body))
  const token = renewed.body['access_token']
  assert.equal(await use(token), '200')
  assert.equal(await onlyBearer(token), '401 proof-missing')
})

test('a bound token stays bound where the word of Keycloak counts instead of the signature', async () => {
  const { access_token: token } = await byBrowser('dee', makeProof(key, 'POST', tokenEndpoint(pop)))
  const verifyBy = (verify: 'jwt' | 'introspect') =>
    pop.changeSettings((now) => ({ ...now, identity: { ...now.identity, verify } }))
  await verifyBy('introspect')
  assert.equal(await use(token), '200')
  await refusesTheft(token)
  await verifyBy('jwt')
})

test('realm.services.*.bound dpop: Keycloak gives that program no token without a proof, nor does the gateway', async () => {
  assert.equal((await asService('prover')).body['error'], 'invalid_request')
  const form = { grant_type: 'client_credentials', client_id: 'prover', client_secret: secret }
  assert.equal(codeOf(await pop.form('/oauth/token', form)), '400 oauth-request-invalid')
  const { body } = await asService('prover', { proof: makeProof(key, 'POST', tokenEndpoint(pop)) })
  assert.equal(await use(body['access_token']), '200')
  await refusesTheft(body['access_token'])
})

/** What clients show of themselves, of the authority that Keycloak knows. */
function clientIdentities() {
  const { ca, key: caKeyPath } = liveServers().keycloak.clientAuthority
  const authority = takeAuthority(pop.home, 'clients', { caPem: readFileSync(ca, 'utf8'), caKeyPath })
  return [authority.issue('DNS:own', 'clientAuth'), authority.issue('DNS:other', 'clientAuth')] as const
}

function show(token: unknown, origin: string | undefined, client?: ClientRequest['client'], path = open) {
  assert.ok(origin !== undefined)
  const headers = { authorization: `Bearer ${String(token)}` }
  const shown = client === undefined ? {} : { client }
  return exchange({ method: 'GET', origin, path, ca: pop.ca, headers, ...shown }).then(codeOf)
}

test('realm.services.*.bound certificate: the token is taken with the certificate that Keycloak saw, and with no other', async () => {
  const [own, other] = clientIdentities()
  const { status, body } = await asService('shower', { client: own })
  assert.equal(status, 200, JSON.stringify(body))
  const { cnf, typ } = claimsIn(body['access_token'])
  const thumbprint = hash('sha256', new X509Certificate(own.certificate).raw, 'base64url')
  assert.deepEqual([typ, cnf], ['Bearer', { 'x5t#S256': thumbprint }])
  const token = body['access_token']
  assert.equal(await show(token, pop.gatewayMtls, own), '200')
  assert.equal(await show(token, pop.gatewayMtls, own, '/v1/vault/bound'), '200')
  assert.equal(await show(token, pop.gatewayMtls, other), '401 proof-missing')
  assert.equal(await show(token, pop.gatewayMtls), '401 proof-missing')
  assert.equal(await show(token, pop.gateway, own), '401 proof-missing')
})

test('Keycloak gives that program no token without a certificate, nor with one of somebody unknown, nor does the gateway', async () => {
  assert.equal((await asService('shower')).body['error'], 'invalid_request')
  const stranger = makeAuthority(pop.home, 'stranger').issue('DNS:own', 'clientAuth')
  await assert.rejects(asService('shower', { client: stranger }), /certificate unknown|ECONNRESET/)
  const form = { grant_type: 'client_credentials', client_id: 'shower', client_secret: secret }
  assert.equal(codeOf(await pop.form('/oauth/token', form)), '400 oauth-request-invalid')
})

test('pop realm apply binds the tokens of a program that was not bound, and lets them go again', async () => {
  const { request, apply, realm, admin } = pop.keycloak()
  const attributesOf = async () => {
    const [client] = await (await admin()).clients.find({ realm, clientId: 'prover' })
    const { 'dpop.bound.access.tokens': dpop, 'tls.client.certificate.bound.access.tokens': certificate } =
      client?.attributes ?? {}
    return [dpop, certificate]
  }
  const given = request().services
  const change = (bound: 'dpop' | 'certificate' | undefined) =>
    apply({
      services: given.map(({ bound: before, ...service }) => {
        const wanted = service.clientId === 'prover' ? bound : before
        return wanted === undefined ? service : { ...service, bound: wanted }
      }),
    })
  assert.deepEqual(await attributesOf(), ['true', 'false'])
  const [first] = (await change('certificate')).changes
  const fields = first?.fields.map(({ field }) => field)
  assert.deepEqual(
    fields,
    ['dpop.bound', 'tls.client.certificate.bound'].map((name) => `attributes.${name}.access.tokens`),
  )
  // Whenever a client is changed Keycloak gives it a scope of its own choice: that was taken away again.
  assert.deepEqual((await apply({})).changes, [])
  assert.deepEqual(await attributesOf(), ['false', 'true'])
  await change(undefined)
  assert.deepEqual(await attributesOf(), ['false', 'false'])
  assert.equal((await asService('prover')).body['token_type'], 'Bearer')
})
