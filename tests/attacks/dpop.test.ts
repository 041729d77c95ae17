import assert from 'node:assert/strict'
import { createHmac, hash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import type { ClientAnswer } from '@pop-api/testkit'
import { jwkOf, makeKey, startBoundWorld, type BoundWorld, type ProofChange } from './bound-world.ts'

let world: BoundWorld

before(async () => {
  world = await startBoundWorld()
})

after(async () => {
  await world[Symbol.asyncDispose]()
})

function assertRefused({ status, headers, body }: ClientAnswer, code: string, challenge: RegExp): void {
  assert.equal(status, 401, JSON.stringify(body))
  assert.equal(body['code'], code, JSON.stringify(body))
  assert.match(String(headers['www-authenticate']), challenge)
}

const badProof = /^DPoP realm="pop-api", algs="ES256 [^"]+", error="invalid_dpop_proof"$/
const badToken = /^DPoP realm="pop-api", algs="ES256 [^"]+", error="invalid_token"$/

test('the gateway takes a bound token with a proof: those below differ from it in one thing each', async () => {
  const token = world.bound()
  assert.equal((await world.ask(token, world.proof(token))).status, 200)
  // Keycloak's form of it, in its own spelling of the scheme's name.
  const theirs = world.bound({ typ: 'DPoP' })
  const fields = { authorization: `dpop ${theirs}`, dpop: world.proof(theirs) }
  assert.equal((await world.pop.call(undefined, 'GET', '/v1/vault/open', undefined, fields)).status, 200)
})

test('a gateway that has begun takes no proof that may have been used before', async () => {
  const token = world.bound()
  const { status, body, headers } = await world.ask(
    token,
    world.proof(token, { claims: { iat: world.startedSeconds } }),
  )
  assert.deepEqual([status, body['code'], headers['retry-after']], [503, 'proof-unavailable', '6'])
})

test('the gateway compares the address of a proof, not its spelling, and leaves out the query', async () => {
  const token = world.bound()
  const htu = `${world.pop.gateway.replace('localhost', 'LOCALHOST')}/v1/vault/%6Fpen?a=1#b`
  assert.equal((await world.ask(token, world.proof(token, { claims: { htu } }))).status, 200)
})

const seconds = (): number => Math.floor(Date.now() / 1000)
const otherKey = makeKey()
const wrong: readonly (readonly [string, (token: string) => ProofChange])[] = [
  ['for another method', () => ({ claims: { htm: 'POST' } })],
  ['for another path', () => ({ claims: { htu: `${world.pop.gateway}/v1/vault/bound` } })],
  ['for another server', () => ({ claims: { htu: 'https://other.example/v1/vault/open' } })],
  ['for another port', () => ({ claims: { htu: `${world.pop.gatewayMtls}/v1/vault/open` } })],
  ['for plain HTTP', () => ({ claims: { htu: `${world.pop.gateway.replace('https', 'http')}/v1/vault/open` } })],
  ['for a path with dot segments', () => ({ claims: { htu: `${world.pop.gateway}/v1/x/../vault/open` } })],
  ['that is stale', () => ({ claims: { iat: seconds() - 61 } })],
  ['of the future', () => ({ claims: { iat: seconds() + 7 } })],
  ['without a time', () => ({ claims: { iat: undefined } })],
  ['without an id', () => ({ claims: { jti: undefined } })],
  ['for another token', () => ({ claims: { ath: hash('sha256', world.bound(), 'base64url') } })],
  ['for no token', () => ({ claims: { ath: undefined } })],
  ['of another key', () => ({ key: otherKey })],
  ['of another key under the name of the right one', () => ({ key: otherKey, header: { jwk: jwkOf(world.key) } })],
  ['with a private key in it', () => ({ header: { jwk: world.key.export({ format: 'jwk' }) } })],
  ['with a secret as its key', () => ({ header: { jwk: { kty: 'oct', k: 'c2VjcmV0' } } })],
  ['with the algorithm none', () => ({ header: { alg: 'none' } })],
  ['with a symmetric algorithm', () => ({ header: { alg: 'HS256' } })],
  ['with the type of an access token', () => ({ header: { typ: 'at+jwt' } })],
  ['with a key address', () => ({ header: { jku: 'https://other.example/keys' } })],
]
for (const [name, change] of wrong) {
  test(`the gateway refuses a proof ${name}`, async () => {
    const token = world.bound()
    assertRefused(await world.ask(token, world.proof(token, change(token))), 'proof-invalid', badProof)
  })
}

test('the gateway refuses a proof whose secret is its public key', async () => {
  const token = world.bound()
  const [, claims] = world.proof(token).split('.')
  const header = { typ: 'dpop+jwt', alg: 'HS256', jwk: jwkOf(world.key) }
  const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`
  const mac = createHmac('sha256', JSON.stringify(jwkOf(world.key)))
    .update(text)
    .digest('base64url')
  assertRefused(await world.ask(token, `${text}.${mac}`), 'proof-invalid', badProof)
})

test('a proof works once, however it is spelled and however many send it at a time', async () => {
  const token = world.bound()
  const proof = world.proof(token)
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.ask(token, proof)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) assertRefused(answer, 'proof-invalid', badProof)
  // The same id in a proof that was signed anew, and for another operation.
  const jti = 'the-same-id'
  assert.equal((await world.ask(token, world.proof(token, { claims: { jti } }))).status, 200)
  const htu = `${world.pop.gateway}/v1/vault/bound`
  const again = await world.ask(token, world.proof(token, { claims: { jti, htu } }), '/v1/vault/bound')
  assertRefused(again, 'proof-invalid', badProof)
})

test('a refused proof is not used up, and one that was taken is not given back by a refusal behind it', async () => {
  const token = world.bound()
  const proof = world.proof(token)
  assertRefused(await world.ask(world.bound(), proof), 'proof-invalid', badProof)
  assert.equal((await world.ask(token, proof)).status, 200)
  const denied = world.bound({ roles: ['reader'] })
  const used = world.proof(denied)
  assert.equal((await world.ask(denied, used)).status, 403)
  assertRefused(await world.ask(denied, used), 'proof-invalid', badProof)
})

test('a flood of proofs brings no used one back', async () => {
  const token = world.bound()
  const proof = world.proof(token)
  assert.equal((await world.ask(token, proof)).status, 200)
  const flood = world.bound({ sub: 'mallory' })
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 40 }, () => world.ask(flood, world.proof(flood))))
  assertRefused(await world.ask(token, proof), 'proof-invalid', badProof)
})

test('two fields with proofs, or two proofs in one field, are refused before anybody reads one', async () => {
  const token = world.bound()
  const request = (lines: readonly string[]): string =>
    `${['GET /v1/vault/open HTTP/1.1', 'Host: localhost', 'Connection: close', `Authorization: DPoP ${token}`, ...lines].join('\r\n')}\r\n\r\n`
  const one = await world.pop.raw(request([`DPoP: ${world.proof(token)}`]))
  assert.match(one, /^HTTP\/1\.1 200 /)
  const two = await world.pop.raw(request([`DPoP: ${world.proof(token)}`, `dpop: ${world.proof(token)}`]))
  assert.match(two, /^HTTP\/1\.1 400 /)
  assert.match(two, /ambiguous-header/)
  const joined = await world.pop.raw(request([`DPoP: ${world.proof(token)}, ${world.proof(token)}`]))
  assert.match(joined, /^HTTP\/1\.1 401 /)
})

test('a bound token is refused without a proof, as Bearer, and with a proof as Bearer', async () => {
  const token = world.bound()
  assertRefused(await world.ask(token, undefined), 'proof-missing', badProof)
  assertRefused(await world.pop.call(token, 'GET', '/v1/vault/open'), 'proof-missing', badToken)
  const fields = { dpop: world.proof(token) }
  assertRefused(await world.pop.call(token, 'GET', '/v1/vault/open', undefined, fields), 'proof-missing', badToken)
})

test('a token that was taken with its proof is refused with a bad one, or none, a moment later', async () => {
  const token = world.bound()
  assert.equal((await world.ask(token, world.proof(token))).status, 200)
  assertRefused(await world.ask(token, undefined), 'proof-missing', badProof)
  assertRefused(await world.ask(token, world.proof(token, { key: otherKey })), 'proof-invalid', badProof)
  assertRefused(await world.pop.call(token, 'GET', '/v1/vault/open'), 'proof-missing', badToken)
  assert.equal((await world.ask(token, world.proof(token))).status, 200)
})

test('an unbound token is refused as DPoP, and Keycloak’s type of bound ones without a key', async () => {
  const token = world.token()
  assertRefused(await world.ask(token, world.proof(token)), 'credential-unsupported', badToken)
  assert.equal((await world.pop.call(token, 'GET', '/v1/vault/open')).status, 200)
  const nominal = world.token({ typ: 'DPoP' })
  // Its header says at+jwt, as those of the embedded provider do: the claim counts where the header says no more than JWT.
  assertRefused(await world.ask(nominal, world.proof(nominal)), 'credential-unsupported', badToken)
})

test('a token is refused whose binding nobody here can check', async () => {
  for (const cnf of [
    {},
    null,
    'x',
    { jwk: jwkOf(world.key) },
    { kid: 'k' },
    { jkt: `${world.thumbprint}=` },
    { jkt: 7 },
  ]) {
    const token = world.token({ cnf })
    assertRefused(await world.ask(token, world.proof(token)), 'token-invalid', badToken)
    assert.equal((await world.pop.call(token, 'GET', '/v1/vault/open')).body['code'], 'token-invalid')
  }
})

test('a bad token that comes as DPoP is challenged as DPoP', async () => {
  const [head, claims] = world.bound().split('.')
  const token = `${head}.${claims}.${randomBytes(256).toString('base64url')}`
  assertRefused(await world.ask(token, world.proof(token)), 'token-invalid', badToken)
})

test('a step-up is asked for in the way in which the token came', async () => {
  const token = world.bound({ acr: undefined, amr: undefined })
  const challenge =
    /^DPoP realm="pop-api", algs="[^"]+", error="insufficient_user_authentication", acr_values="pop-mfa"$/
  assertRefused(await world.ask(token, world.proof(token)), 'second-factor-required', challenge)
})

test('who sends no token is told both ways', async () => {
  const { headers } = await world.pop.call(undefined, 'GET', '/v1/vault/open')
  assert.match(String(headers['www-authenticate']), /^Bearer realm="pop-api", DPoP realm="pop-api", algs="ES256 /)
  const { body } = await world.pop.call(undefined, 'GET', '/.well-known/oauth-protected-resource')
  assert.deepEqual(body['dpop_signing_alg_values_supported'], ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'])
  assert.equal(body['tls_client_certificate_bound_access_tokens'], true)
})

test('an operation can take bound tokens alone, of whoever calls', async () => {
  const subject = world.pop.users.clients[0]?.subject
  const service = { azp: 'reporter', sub: subject, acr: undefined, amr: undefined, roles: ['user'] }
  const htu = `${world.pop.gateway}/v1/vault/bound`
  for (const claims of [{}, service]) {
    const token = world.bound(claims)
    assert.equal((await world.ask(token, world.proof(token, { claims: { htu } }), '/v1/vault/bound')).status, 200)
    const free = world.token(claims)
    assert.equal((await world.pop.call(free, 'GET', '/v1/vault/open')).status, 200)
    assertRefused(await world.pop.call(free, 'GET', '/v1/vault/bound'), 'binding-required', badToken)
  }
})

test('an operation can take a sign-in of late alone, of whoever calls', async () => {
  const subject = world.pop.users.clients[0]?.subject
  const service = { azp: 'reporter', sub: subject, acr: undefined, amr: undefined, roles: ['user'] }
  const ask = (claims: object) => world.pop.call(world.token({ ...claims }), 'GET', '/v1/vault/fresh')
  assert.equal((await ask({ auth_time: seconds() })).status, 200)
  for (const claims of [
    { auth_time: seconds() - 302 },
    { auth_time: undefined },
    { auth_time: 0 },
    { auth_time: seconds() + 30 },
    { ...service, auth_time: undefined },
  ]) {
    const challenge =
      /^Bearer realm="pop-api", error="insufficient_user_authentication", acr_values="pop-mfa", max_age="300"$/
    const answer = await ask(claims)
    assertRefused(answer, 'authentication-too-old', challenge)
    assert.equal(answer.body['max_age'], 300)
  }
})

test('the description of the API tells what an operation asks of a token', async () => {
  const { body } = await world.pop.call(world.token(), 'GET', '/openapi.json')
  // The document of our own gateway: OpenAPI 3.1.
  const { paths } = body as { paths: Record<string, { get: Record<string, unknown> }> }
  assert.deepEqual(paths['/v1/vault/bound']?.get['security'], [{ dpop: [] }, { bearer: [], certificate: [] }])
  assert.equal(paths['/v1/vault/bound']?.get['x-pop-bound'], true)
  assert.equal(paths['/v1/vault/fresh']?.get['x-pop-max-age'], 300)
  assert.equal(paths['/v1/vault/open']?.get['security'], undefined)
})

/** What a gateway that has just begun cannot know, it tells its log too. */
function isNoRefusal(failure: unknown): boolean {
  return !(failure instanceof PopError) || failure.code !== 'proof-unavailable'
}

test('nothing went wrong inside', () => {
  assert.deepEqual(world.pop.failures.filter(isNoRefusal), [])
})
