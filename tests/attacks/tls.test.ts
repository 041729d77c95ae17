import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { readAudit } from '@pop-api/audit'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { makeAuthority, startPop, takeAuthority, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

const run = promisify(execFile)
let pop: Pop

before(async () => {
  pop = await startPop({ modules: [kafka] })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

/** The first bytes of the answer. Rejects where the server refuses the handshake or the certificate, which it says only later. */
async function ask(address: string, options: ConnectionOptions, path = '/livez'): Promise<string> {
  const socket = await shakeHands(address, options)
  const bytes = Promise.withResolvers<string>()
  socket.once('data', (chunk: Buffer) => bytes.resolve(chunk.toString('latin1')))
  socket.once('error', bytes.reject)
  socket.once('close', () => bytes.reject(new Error('the server hung up')))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  try {
    return await bytes.promise
  } finally {
    socket.destroy()
  }
}

function shakeHands(address: string, options: ConnectionOptions): Promise<TLSSocket> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ...options }, () => resolve(socket))
    socket.once('error', reject)
  })
}

test('the gateway speaks TLS 1.3 with a hybrid group, and its certificate is of the public CA', async () => {
  const socket = await shakeHands(pop.gateway, { ca: pop.ca })
  assert.equal(socket.getProtocol(), 'TLSv1.3')
  assert.equal(Reflect.get(socket.getEphemeralKeyInfo() ?? {}, 'name'), 'X25519MLKEM768')
  assert.match(socket.getPeerCertificate().subjectaltname ?? '', /DNS:localhost, IP Address:127\.0\.0\.1/)
  socket.destroy()
})

const weak: readonly (readonly [string, ConnectionOptions])[] = [
  ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
  ['a suite with CCM', { ciphers: 'TLS_AES_128_CCM_SHA256' }],
  ['a group of RSA times', { ecdhCurve: 'ffdhe2048' }],
]
for (const [name, options] of weak) {
  test(`the gateway refuses ${name}`, async () => {
    await assert.rejects(ask(pop.gateway, { ca: pop.ca, ...options }))
  })
}

const failing: readonly (readonly [string, readonly string[], string])[] = [
  ['does not trust its certificate', ['https'], 'certificate-refused'],
  ['speaks no TLS', ['http'], 'handshake-failed'],
  ['speaks TLS 1.2 alone', ['https', '--insecure', '--tls-max', '1.2'], 'handshake-failed'],
]
for (const [name, [scheme, ...options], reason] of failing) {
  test(`the log says of whoever ${name} that it was ${reason}, and of no request that it was malformed`, async () => {
    const url = pop.gateway.replace('https', String(scheme))
    await assert.rejects(run('curl', ['--silent', ...options, `${url}/oauth/backchannel-logout`]))
    const refusals = () => Array.fromAsync(readAudit(join(pop.home, 'gateway', 'refusals'), { action: 'refusal' }))
    for (;;) {
      const reasons = (await refusals()).map((event) => event.reason)
      assert.ok(!reasons.includes('malformed-request'))
      if (reasons.includes(reason)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
}

test('the gateway is not to be trusted under another CA', async () => {
  const stranger = makeAuthority(pop.home, 'stranger')
  await assert.rejects(ask(pop.gateway, { ca: stranger.caPem }), /self.signed|unable to/i)
})

test('the mesh refuses TLS 1.2, and resumes no session', async () => {
  const { certificate: cert, privateKey: key, roots } = pop.member.mesh()
  const own: ConnectionOptions = { cert, key, ca: [...roots], checkServerIdentity: () => undefined }
  const { address } = pop.module('kafka_service')
  await assert.rejects(ask(address, { ...own, maxVersion: 'TLSv1.2' }))
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const { hostname, port } = new URL(address)
  const first = connect({ host: hostname, port: Number(port), ...own })
  first.once('session', resolve)
  // OpenSSL hands out a name for a session that the server has not kept.
  const session = await promise
  const second = await shakeHands(address, { ...own, session })
  assert.equal(second.isSessionReused(), false)
  first.destroy()
  second.destroy()
})

test('module and control refuse the public certificate of the gateway, an ended one, and one of another trust domain', async () => {
  const [caPem = ''] = pop.member.mesh().roots
  const mesh = takeAuthority(pop.home, 'stolen', { caPem, caKeyPath: join(pop.home, 'control/keys/mesh-ca.pem') })
  const { certificate, privateKey } = pop.member.publicIdentity()
  const foreign = mesh.issue('URI:spiffe://other.internal/gateway/gateway')
  const ended = mesh.issue('URI:spiffe://pop.internal/gateway/gateway', 'serverAuth,clientAuth', -1)
  const attempts: readonly (readonly [string, ConnectionOptions])[] = [
    ['public', { cert: certificate, key: privateKey }],
    ['ended', { cert: ended.certificate, key: ended.privateKey }],
  ]
  for (const address of [pop.module('kafka_service').address, pop.control.control]) {
    const base: ConnectionOptions = { ca: caPem, checkServerIdentity: () => undefined }
    for (const [name, options] of attempts) await assert.rejects(ask(address, { ...base, ...options }), name)
  }
  const stranger: ConnectionOptions = {
    ca: caPem,
    checkServerIdentity: () => undefined,
    cert: foreign.certificate,
    key: foreign.privateKey,
  }
  // Its chain verifies, so the handshake does too: what it asks for is refused for who it is.
  for (const address of [pop.module('kafka_service').address, pop.control.control])
    assert.match(await ask(address, stranger, '/bulletin'), /^HTTP\/1\.1 4\d\d /)
  const { certificate: cert, privateKey: key } = pop.member.mesh()
  assert.match(await ask(pop.control.control, { ...stranger, cert, key }, '/bulletin'), /^HTTP\/1\.1 200 /)
})
