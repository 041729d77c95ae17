import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeAuthority, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

// An identity provider that does whatever a provider can do wrong with its keys (security.md, fail modes).

const topics = '/v1/kafka/topics'

interface Keys {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: object
}

let pop: Pop
let issuer = ''
/** How the endpoint of the keys answers now. */
let answerKeys: (response: ServerResponse, request: IncomingMessage) => void
/** The same of sign-ins, and of questions about tokens. */
let answerSignIn: (response: ServerResponse) => void = (response) => response.writeHead(500).end()
let answerQuestion: (response: ServerResponse, form: string) => void = (response) => json(response, { active: false })
const stack = new AsyncDisposableStack()
const first = makeKeys('first')

function makeKeys(kid: string): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } }
}

function giveKeys(...keys: readonly Keys[]): typeof answerKeys {
  return (response) => json(response, { keys: keys.map(({ jwk }) => jwk) })
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function tokenOf({ kid, privateKey }: Keys): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: 'pop-api',
    sub: randomUUID(),
    jti: randomUUID(),
    azp: 'pop-gateway',
    typ: 'Bearer',
    acr: 'pop-mfa',
    roles: ['user'],
    iat,
    exp: iat + 600,
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT', kid })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

function use(token: string): Promise<ClientAnswer> {
  return pop.call(token, 'GET', topics)
}

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pop-provider-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const authority = makeAuthority(folder, 'provider')
  const { certificate: cert, privateKey: key } = authority.issue('DNS:localhost', 'serverAuth')
  const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (request, response) => {
    if (request.url === '/realms/pop/keys') return answerKeys(response, request)
    if (request.url === '/realms/pop/token') return answerSignIn(response)
    if (request.url === '/realms/pop/introspect')
      return void textOf(request).then((form) => answerQuestion(response, form), assert.fail)
    const introspection_endpoint = `${issuer}/introspect`
    json(response, { issuer, jwks_uri: `${issuer}/keys`, token_endpoint: `${issuer}/token`, introspection_endpoint })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  stack.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo // Listening on TCP, so it is not a path.
  issuer = `https://localhost:${port}/realms/pop`
  answerKeys = giveKeys(first)
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, authority.caPem)
  pop = stack.use(await startPop({ modules: [kafka] }))
  await pop.changeSettings((present) => ({ ...present, identity: { ...present.identity, issuer, ca } }))
  assert.equal((await use(tokenOf(first))).status, 200)
})

after(() => stack.disposeAsync())

const wrongs: readonly (readonly [string, typeof answerKeys])[] = [
  [
    'a page instead of keys',
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>busy</html>'),
  ],
  ['JSON that is no key set', (response) => json(response, { keys: 'none' })],
  ['no keys at all', (response) => json(response, { keys: [] })],
  ['keys for encryption alone', (response) => json(response, { keys: [{ ...first.jwk, use: 'enc' }] })],
  [
    'a symmetric key',
    (response) => json(response, { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first', alg: 'HS256' }] }),
  ],
  ['an error of its own', (response) => response.writeHead(500).end()],
  ['a redirect elsewhere', (response) => response.writeHead(302, { location: 'https://attacker.example/keys' }).end()],
  ['more than can be held', (response) => response.writeHead(200).end(`{"keys":["${'x'.repeat(2_000_000)}"]}`)],
  ['a connection that breaks', (response) => response.destroy()],
  ['half an answer', (response) => response.writeHead(200, { 'content-length': '1000' }).end('{"keys":[')],
]

for (const [name, wrong] of wrongs) {
  test(`a provider that gives ${name} loses nobody who is signed in, and lets in nobody of whom it does not say`, async () => {
    answerKeys = wrong
    const refused = await use(tokenOf(makeKeys(`unknown-${randomUUID()}`)))
    assert.equal(refused.status, 503, JSON.stringify(refused.body))
    assert.equal(refused.body['code'], 'identity-unavailable')
    assert.equal(refused.headers['retry-after'], '5')
    assert.equal((await use(tokenOf(first))).status, 200)
    answerKeys = giveKeys(first)
  })
}

test('a provider that never answers holds up those of unknown keys alone', async () => {
  const held: ServerResponse[] = []
  answerKeys = (response) => void held.push(response)
  let ended = false
  const waiting = use(tokenOf(makeKeys('never'))).finally(() => (ended = true))
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  for (let time = 0; time < 20; time++) assert.equal((await use(tokenOf(first))).status, 200)
  assert.equal(ended, false)
  for (const response of held) json(response, { keys: [first.jwk] })
  // The refetch that it waited for has answered: now it is known that there is no such key.
  answerKeys = giveKeys(first)
  assert.equal((await waiting).status, 401)
})

test('sign-ins that the provider never answers hold up no question about a token and no fetch of keys, and the reverse', async () => {
  await pop.changeSettings((settings) => ({
    ...settings,
    limits: { ...settings.limits, sign_in_rate: 1000, sign_in_burst: 1000 },
  }))
  assert.equal((await use('opaque-0')).status, 401)
  const held: ServerResponse[] = []
  const form = { grant_type: 'client_credentials', client_id: 'c', client_secret: 's' }
  const signIn = () => pop.form('/oauth/token', form)
  answerSignIn = (response) => void held.push(response)
  let ended = 0
  const waiting = Array.from({ length: 24 }, () => signIn().finally(() => (ended += 1)))
  while (held.length < 16) await new Promise((resolve) => setTimeout(resolve, 10))
  answerKeys = giveKeys(first)
  assert.equal((await use('opaque-1')).status, 401)
  assert.equal((await use(tokenOf(makeKeys('unknown-beside')))).status, 401)
  assert.equal(ended, 0)
  answerSignIn = (response) => json(response, { error: 'invalid_grant' })
  for (const response of held) response.destroy()
  await Promise.all(waiting)
  const asked: ServerResponse[] = []
  answerQuestion = (response) => void asked.push(response)
  let answered = 0
  const asking = Array.from({ length: 8 }, (_, at) => use(`opaque-held-${at}`).finally(() => (answered += 1)))
  while (asked.length < 8) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.notEqual((await signIn()).status, 200)
  assert.equal(answered, 0)
  answerQuestion = (response) => json(response, { active: false })
  for (const response of asked) response.destroy()
  await Promise.all(asking)
})

test('questions of strangers at the endpoints hold up no question about a token that somebody comes with', async () => {
  const held: ServerResponse[] = []
  answerQuestion = (response, form) => {
    if (form.includes('token=held')) held.push(response)
    else json(response, { active: false })
  }
  const asking = Array.from({ length: 24 }, (_, at) => [
    pop.form('/oauth/introspect', { client_id: 'c', client_secret: 's', token: `held-${at}` }),
    pop.form('/oauth/revoke', { token: `held-${at}` }),
  ]).flat()
  while (held.length < 8) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal((await use('opaque-beside')).status, 401)
  answerQuestion = (response) => json(response, { active: false })
  for (const response of held) response.destroy()
  await Promise.all(asking)
})

test('a key that appears is found by the first token that it signed, and one that disappears takes its tokens along', async () => {
  const second = makeKeys('second')
  answerKeys = giveKeys(first, second)
  const old = tokenOf(first)
  assert.deepEqual(
    await Promise.all([use(tokenOf(second)), use(old)].map(async (answer) => (await answer).status)),
    [200, 200],
  )
  const third = makeKeys('third')
  answerKeys = giveKeys(second, third)
  assert.equal((await use(tokenOf(third))).status, 200)
  assert.equal((await use(old)).status, 401)
})
