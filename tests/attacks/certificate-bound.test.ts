import assert from 'node:assert/strict'
import { hash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { makeAuthority, startPop, type Pop } from '@pop-api/testkit'
import { startBoundWorld, type BoundWorld } from './bound-world.ts'

interface ClientIdentity {
  readonly cert: string
  readonly key: string
  readonly thumbprint: string
}

let world: BoundWorld
let folder = ''
let own: ClientIdentity
let other: ClientIdentity

before(async () => {
  world = await startBoundWorld()
  folder = await mkdtemp(join(tmpdir(), 'pop-certificates-'))
  own = identityOf('own', 1)
  other = identityOf('other', 1)
})

after(async () => {
  await world[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** A certificate of an authority that the gateway has never heard of. */
function identityOf(name: string, endsInDays: number): ClientIdentity {
  const { certificate: cert, privateKey: key } = makeAuthority(folder, name).issue(
    'DNS:client',
    'clientAuth',
    endsInDays,
  )
  return { cert, key, thumbprint: hash('sha256', new X509Certificate(cert).raw, 'base64url') }
}

interface Asking {
  readonly token?: string
  readonly client?: ClientIdentity
  readonly listener?: string | undefined
  readonly lines?: readonly string[]
  readonly options?: Parameters<Pop['raw']>[1]
}

async function ask({
  token,
  client,
  listener = world.pop.gatewayMtls,
  lines = [],
  options = {},
}: Asking): Promise<string> {
  const fields = token === undefined ? lines : [`Authorization: Bearer ${token}`, ...lines]
  const request = ['GET /v1/vault/open HTTP/1.1', 'Host: localhost', 'Connection: close', ...fields].join('\r\n')
  const shown = client === undefined ? {} : { cert: client.cert, key: client.key }
  const answer = await world.pop.raw(`${request}\r\n\r\n`, {
    port: Number(new URL(listener ?? '').port),
    ...shown,
    ...options,
  })
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(answer) ?? []
  const [, code] = /"code":"([^"]+)"/.exec(answer) ?? []
  return [status, code].filter((part) => part !== undefined).join(' ')
}

const bindTo = ({ thumbprint }: ClientIdentity, more: object = {}): string =>
  world.token({ cnf: { 'x5t#S256': thumbprint, ...more } })

test('the gateway takes a token with the certificate that it is bound to: those below differ in one thing each', async () => {
  assert.equal(await ask({ token: bindTo(own), client: own }), '200')
})

test('a bound token is refused without a certificate, and with another', async () => {
  assert.equal(await ask({ token: bindTo(own) }), '401 proof-missing')
  assert.equal(await ask({ token: bindTo(own), client: other }), '401 proof-missing')
})

test('a bound token is refused on the listener that asks for no certificate, though the client has it', async () => {
  assert.equal(await ask({ token: bindTo(own), client: own, listener: world.pop.gateway }), '401 proof-missing')
})

test('a token that was taken is refused on the next connection, which has not the certificate', async () => {
  const token = bindTo(own)
  assert.equal(await ask({ token, client: own }), '200')
  assert.equal(await ask({ token }), '401 proof-missing')
  assert.equal(await ask({ token, client: other }), '401 proof-missing')
})

test('a certificate in a field is none', async () => {
  const pem = encodeURIComponent(own.cert)
  const lines = [`Client-Cert: :${Buffer.from(own.cert).toString('base64')}:`, `X-SSL-Client-Cert: ${pem}`]
  assert.equal(await ask({ token: bindTo(own), lines }), '401 proof-missing')
})

test('a certificate alone authenticates nobody, and one beside a token that is not bound changes nothing', async () => {
  assert.equal(await ask({ client: own }), '401 credential-missing')
  assert.equal(await ask({ token: world.token(), client: own }), '200')
  assert.equal(await ask({ token: world.token() }), '200')
})

test('a certificate without its key is none', async () => {
  await assert.rejects(ask({ token: bindTo(own), options: { cert: own.cert, key: other.key } }))
})

test('a token that is bound to a key too needs both', async () => {
  const token = bindTo(own, { jkt: world.thumbprint })
  const htu = `${world.pop.gatewayMtls}/v1/vault/open`
  const lines = (): string[] => [`Authorization: DPoP ${token}`, `DPoP: ${world.proof(token, { claims: { htu } })}`]
  assert.equal(await ask({ client: own, lines: lines() }), '200')
  assert.equal(await ask({ client: other, lines: lines() }), '401 proof-missing')
  assert.equal(await ask({ token, client: own }), '401 proof-missing')
})

test('a proof is for one listener', async () => {
  const token = world.bound()
  const lines = [`Authorization: DPoP ${token}`, `DPoP: ${world.proof(token)}`]
  assert.equal(await ask({ lines }), '401 proof-invalid')
  assert.equal(await ask({ lines, listener: world.pop.gateway }), '200')
})

test('a session that was begun with the certificate brings it to no other connection', async () => {
  const port = Number(new URL(world.pop.gatewayMtls ?? '').port)
  const sessions: Buffer[] = []
  const socket = connect({ host: 'localhost', port, ca: world.pop.ca, cert: own.cert, key: own.key })
  socket.on('session', (session: Buffer) => sessions.push(session))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.end('GET /v1/vault/open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  socket.resume()
  await closed
  for (const session of sessions) {
    const again = connect({ host: 'localhost', port, ca: world.pop.ca, session })
    await once(again, 'secureConnect')
    assert.equal(again.isSessionReused(), false)
    again.destroy()
    assert.equal(await ask({ token: bindTo(own), options: { session } }), '401 proof-missing')
  }
})

test('the listener that asks for certificates speaks TLS 1.3 alone', async () => {
  await assert.rejects(ask({ client: own, options: { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } }))
})

test('there is no such listener unless the settings want it', async () => {
  await using pop = await startPop()
  assert.equal(pop.gatewayMtls, undefined)
})
