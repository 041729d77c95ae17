import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileTrust, manifestDigest, parseApiKey, PopError, verifyWit, type EnrolResponse } from '@pop-api/protocol'
import {
  exchange,
  exchangeJson,
  joinGateway,
  joinModule,
  makeCsr,
  obtainPublicIdentity,
  WorkloadError,
} from '@pop-api/workload'
import { manifestOf, startTestControl, type TestControl } from '../test-world.ts'
import { tokenLifeMs } from './tokens.ts'

const manifest = manifestOf('kafka_service', '/v1/kafka')
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' })
const newcomer = (mesh = newKey(), message = newKey()) => ({
  csr: makeCsr(mesh),
  message_jwk: jwkOf(message),
  manifest,
})

async function post(world: TestControl, body: unknown): Promise<EnrolResponse> {
  const { admin, caPem } = world.handle()
  // The tests of this file read what control itself typed so.
  return (await exchangeJson({ method: 'POST', url: `${admin}/enrol`, tls: { ca: caPem }, body })) as EnrolResponse
}

function isRefusal(code: string, detail: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PopError && error.code === code && detail.test(error.message)
}

test('joinModule() makes a stranger a module, with names that control decided', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('kafka_service', 'module')
  await using member = await joinModule(boot, manifest)
  assert.equal(member.spiffeId, 'spiffe://pop.internal/module/kafka_service/1')
  const certificate = new X509Certificate(member.mesh().certificate)
  assert.equal(certificate.subjectAltName, `URI:${member.spiffeId}`)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.equal(certificate.ca, false)
  const section = member.bulletin.section('trust')
  assert(section)
  const wit = verifyWit(member.credentials().wit, compileTrust(section), Date.now())
  assert(wit.ok)
  assert.equal(wit.value.sub, member.spiffeId)
  assert(wit.value.key.equals(createPublicKey(member.credentials().messageKey)))
  assert(!certificate.checkPrivateKey(member.credentials().messageKey), 'the message key is not the TLS key')
  assert.deepEqual(world.faults, [])
})

test('joinGateway() gets both certificates, and its Txn-Token key is in the trust section', async () => {
  await using world = await startTestControl()
  await using member = await joinGateway(await world.boot('gateway-1', 'gateway'))
  const open = new X509Certificate(member.publicIdentity().certificate)
  assert.match(open.subjectAltName ?? '', /DNS:localhost.*127\.0\.0\.1/)
  assert.deepEqual(open.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert(open.checkIssued(new X509Certificate(world.handle().caPem)))
  const trust = member.bulletin.section('trust')
  assert(trust)
  assert.equal(compileTrust(trust).txnKey(member.txnSigner.kid)?.owner, member.spiffeId)
  assert(!trust.authorities.some(({ certificate }) => open.checkIssued(new X509Certificate(certificate))))
})

test('obtainPublicIdentity() gives the issuer a certificate towards clients and nothing of the mesh', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('issuer', 'issuer')
  const { certificate } = await obtainPublicIdentity(boot)
  assert(new X509Certificate(certificate).checkHost('localhost'))
  assert.deepEqual(await obtainPublicIdentity({ ...boot, token: 'spent' }), await obtainPublicIdentity(boot))
  assert.deepEqual(await readdir(join(boot.home, 'keys')), ['public.pem'])
})

test('a workload that starts again uses its credentials, also while control is away', async () => {
  await using world = await startTestControl()
  const { token: _token, ...boot } = await world.boot('kafka_service', 'module')
  const first = await joinModule({ ...boot, token: _token ?? '' }, manifest)
  const { certificate } = first.mesh()
  await first[Symbol.asyncDispose]()
  await world.stop()
  await using second = await joinModule(boot, manifest, { onProblem: () => undefined })
  assert.equal(second.mesh().certificate, certificate)
  assert.equal(second.bulletin.section('modules')?.['kafka_service']?.name, 'kafka_service')
})

test('a workload whose credentials are of another root, or nearly over, enrols again', async () => {
  await using world = await startTestControl({ lives: { meshMs: 20_000, publicMs: 20_000 } })
  const boot = await world.boot('kafka_service', 'module')
  const first = await joinModule(boot, manifest)
  await first[Symbol.asyncDispose]()
  const { token: _token, ...without } = boot
  const late = { nowMs: () => Date.now() + 18_500 }
  await assert.rejects(joinModule(without, manifest, late), { code: 'credentials-invalid' })
  const anchor = { root_spki_sha256: 'ab'.repeat(32) }
  await assert.rejects(joinModule({ ...without, anchor }, manifest), { code: 'credentials-invalid' })
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const second = await joinModule({ ...without, token }, manifest, late)
  assert.notEqual(second.mesh().certificate, first.mesh().certificate)
  await second[Symbol.asyncDispose]()
})

test('joinModule() tells nothing to an admin whose root is not the pinned one', async () => {
  await using world = await startTestControl()
  await using impostor = await startTestControl()
  const boot = await world.boot('kafka_service', 'module', { admin: impostor.handle().admin })
  await assert.rejects(joinModule(boot, manifest), { name: 'WorkloadError', code: 'root-mismatch' })
  const other = await world.boot('kafka_service', 'module', {
    anchor: { root_spki_sha256: impostor.handle().rootSpkiSha256 },
  })
  await assert.rejects(joinModule(other, manifest), { name: 'WorkloadError', code: 'root-mismatch' })
})

test('enrol() gives the same token and keys the same result, and refuses other keys', async () => {
  await using world = await startTestControl()
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const request = newcomer()
  const [first, second] = await Promise.all([post(world, { token, ...request }), post(world, { token, ...request })])
  assert.deepEqual(second, first)
  assert(parseApiKey(first.api_key ?? '', 'development'))
  assert.deepEqual(await post(world, { token, ...request }), first)
  const spent = isRefusal('enrolment-refused', /another key/)
  await assert.rejects(post(world, { token, ...newcomer() }), spent)
  await assert.rejects(post(world, { token, ...request, message_jwk: jwkOf(newKey()) }), spent)
  await world.restart()
  assert.deepEqual(await post(world, { token, ...request }), first)
})

test('enrol() gives one of several strangers with one token its place', async () => {
  await using world = await startTestControl()
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => post(world, { token, ...newcomer() })))
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('enrol() refuses a token after ten minutes, also for the keys that used it', async () => {
  let nowMs = Date.now()
  await using world = await startTestControl({ nowMs: () => nowMs })
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const request = newcomer()
  nowMs += tokenLifeMs - 1
  await post(world, { token, ...request })
  nowMs += 1
  await assert.rejects(post(world, { token, ...request }), isRefusal('enrolment-refused', /expired/))
})

test('enrol() refuses a token from outside its addresses, an unknown one and what is none', async () => {
  await using world = await startTestControl()
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module', cidr: '10.0.0.0/8,fd00::/8' })
  await assert.rejects(post(world, { token, ...newcomer() }), isRefusal('enrolment-refused', /this address/))
  const unknown = `pop-enrol.${'A'.repeat(43)}.${world.handle().rootSpkiSha256}`
  await assert.rejects(post(world, { token: unknown, ...newcomer() }), isRefusal('enrolment-refused', /not known/))
  for (const none of [undefined, '', 7, `${token} `, token.toUpperCase()]) {
    await assert.rejects(
      post(world, { token: none, ...newcomer() }),
      isRefusal('enrolment-refused', /not (a token|known)/),
    )
  }
  assert.throws(() => world.handle().issueToken({ name: 'a/b', kind: 'gateway' }), RangeError)
  assert.throws(() => world.handle().issueToken({ name: 'a', kind: 'gateway', cidr: '10.0.0.0' }), RangeError)
})

const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const oneKey = newKey()
const privateJwk = newKey().export({ format: 'jwk' })
const refusals: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['the request of a gateway', { public_csr: makeCsr(newKey()), txn_jwk: jwkOf(newKey()) }, /public_csr, txn_jwk/],
  ['a missing member', { message_jwk: undefined }, /message_jwk/],
  ['an unknown member', { spiffe_id: 'spiffe://pop.internal/gateway/g' }, /spiffe_id/],
  ['one key for two purposes', { csr: makeCsr(oneKey), message_jwk: jwkOf(oneKey) }, /one purpose/],
  ['a private message key', { message_jwk: privateJwk }, /public half/],
  ['a message key of another curve', { message_jwk: jwkOf(otherKey) }, /P-256/],
  ['no certificate request', { csr: 'csr' }, /certificate request/],
  ['two certificate requests', { csr: makeCsr(newKey()) + makeCsr(newKey()) }, /one certificate request/],
  ['a certificate request of another curve', { csr: opensslCsr('secp384r1') }, /P-256/],
  ['a certificate request without proof of possession', { csr: forgedCsr() }, /prove possession/],
]

for (const [name, change, detail] of refusals) {
  test(`enrol() refuses ${name}, and the token stays good`, async () => {
    await using world = await startTestControl()
    const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
    await assert.rejects(post(world, { token, ...newcomer(), ...change }), isRefusal('enrolment-refused', detail))
    assert.equal(
      (await post(world, { token, ...newcomer() })).spiffe_id,
      'spiffe://pop.internal/module/kafka_service/1',
    )
  })
}

test('enrol() reads no name of a certificate request', async () => {
  await using world = await startTestControl()
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const granted = await post(world, { token, ...newcomer(), csr: opensslCsr('prime256v1') })
  const { subject, subjectAltName, ca } = new X509Certificate(granted.certificate ?? '')
  assert.deepEqual(
    [subject, subjectAltName, ca],
    [undefined, 'URI:spiffe://pop.internal/module/kafka_service/1', false],
  )
})

test('enrol() refuses the manifest of another module, one that is none, and a base that overlaps', async () => {
  await using world = await startTestControl()
  const enrolWith = (name: string, document: unknown) =>
    post(world, { ...newcomer(), token: world.handle().issueToken({ name, kind: 'module' }), manifest: document })
  const invalid = (detail: RegExp) => isRefusal('manifest-invalid', detail)
  await assert.rejects(enrolWith('s3_service', manifest), invalid(/of kafka_service/))
  await assert.rejects(enrolWith('kafka_service', {}), invalid(/fault/))
  await enrolWith('kafka_service', manifest)
  for (const base of ['/v1/kafka', '/v1/kafka/more', '/v1']) {
    await assert.rejects(enrolWith('s3_service', manifestOf('s3_service', base)), invalid(/is taken|reserved/))
  }
  await enrolWith('s3_service', manifestOf('s3_service', '/v1/kafka-more'))
})

test('enrol() refuses the Txn-Token key of another gateway', async () => {
  await using world = await startTestControl()
  const txn = newKey()
  const gateway = (name: string) => ({
    token: world.handle().issueToken({ name, kind: 'gateway' }),
    csr: makeCsr(newKey()),
    public_csr: makeCsr(newKey()),
    message_jwk: jwkOf(newKey()),
    txn_jwk: jwkOf(txn),
  })
  await post(world, gateway('gateway-1'))
  await assert.rejects(post(world, gateway('gateway-2')), isRefusal('enrolment-refused', /another gateway/))
})

test('admin answers every refusal with a problem document', async () => {
  await using world = await startTestControl()
  const { admin, caPem } = world.handle()
  const base = { tls: { ca: caPem }, url: `${admin}/enrol` }
  const twice = '{"token":"a","token":"b"}'
  const cases: readonly (readonly [Promise<string>, string])[] = [
    [exchange({ ...base, method: 'GET' }), 'no-such-operation'],
    [exchange({ ...base, method: 'POST' }), 'body-invalid'],
    [exchange({ ...base, method: 'POST', body: [] }), 'body-invalid'],
    [exchange({ ...base, method: 'POST', body: { manifest: 'x'.repeat(1024 * 1024) } }), 'body-too-large'],
    [exchange({ ...base, url: `${admin}/%zz`, method: 'GET' }), 'malformed-request'],
  ]
  for (const [answer, code] of cases) await assert.rejects(answer, { name: 'PopError', code })
  const { status, type, code } = await fetchRaw(`${admin}/enrol`, caPem, twice, 'application/json')
  assert.deepEqual([status, type, code], [400, 'application/problem+json', 'body-malformed'])
  assert.equal((await fetchRaw(`${admin}/enrol`, caPem, 'token=a', 'text/plain')).code, 'media-type-unsupported')
  assert.deepEqual(world.faults, [])
})

test('everything that control and a workload keep is for their user alone', async () => {
  await using world = await startTestControl()
  const boot = await world.boot('kafka_service', 'module')
  const member = await joinModule(boot, manifest)
  await member[Symbol.asyncDispose]()
  const seen: string[] = []
  for (const home of [world.home, boot.home]) {
    for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      assert.equal((await stat(path)).mode & 0o077, 0, path)
      seen.push(entry.name)
    }
  }
  for (const name of ['state.db', 'public-ca.pem', 'mesh-ca.pem', 'wit-issuer.pem', 'bulletin.pem'])
    assert(seen.includes(name))
  for (const name of ['mesh.pem', 'message.pem', 'credentials.json', 'snapshot']) assert(seen.includes(name))
})

test('control keeps neither tokens nor API keys, only their hashes', async () => {
  await using world = await startTestControl()
  const token = world.handle().issueToken({ name: 'kafka_service', kind: 'module' })
  const { api_key: apiKey = '' } = await post(world, { token, ...newcomer() })
  await world.stop()
  const kept = Buffer.concat(
    await Promise.all(
      (await readdir(world.home))
        .filter((name) => name.startsWith('state'))
        .map((name) => readFile(join(world.home, name))),
    ),
  ).toString('latin1')
  assert(kept.includes('kafka_service'))
  for (const secret of [token, token.split('.')[1] ?? '', apiKey, apiKey.split('_')[3] ?? '']) {
    assert(secret.length > 20 && !kept.includes(secret))
  }
})

test('a workload keeps credentials that were tampered with for none', async () => {
  await using world = await startTestControl()
  const { token, ...boot } = await world.boot('kafka_service', 'module')
  await (await joinModule({ ...boot, token: token ?? '' }, manifest))[Symbol.asyncDispose]()
  const path = join(boot.home, 'credentials.json')
  const kept = await readFile(path, 'utf8')
  for (const change of [kept.replace('kafka_service/1', 'kafka_service/2'), '{}', kept.slice(1)]) {
    await writeFile(path, change)
    await assert.rejects(joinModule(boot, manifest), (error) => error instanceof WorkloadError)
  }
  await writeFile(path, kept)
  await (await joinModule(boot, manifest))[Symbol.asyncDispose]()
})

test('a module that changed its manifest shows it before it serves; without approval the old one stays in force', async () => {
  await using world = await startTestControl({ approveAutomatically: false })
  const boot = await world.boot('kafka_service', 'module')
  await (await joinModule(boot, manifest))[Symbol.asyncDispose]()
  const report = { address: 'https://127.0.0.1:7101', boot: 'A'.repeat(22) }
  const stronger = manifestOf('kafka_service', '/v1/kafka', 'modify_settings')
  await using member = await joinModule(boot, stronger)
  const digestOf = () => member.bulletin.section('modules')?.['kafka_service']?.manifest_digest
  assert.equal(digestOf(), manifestDigest(manifest))
  const instance = { ...report, manifest_digest: manifestDigest(stronger) }
  await assert.rejects(member.reportInstance(instance), isRefusal('workload-refused', /approve kafka_service/))
  const changed = new Promise<void>((resolve) => member.bulletin.onChange(() => resolve()))
  assert.equal(await world.handle().approveModule('kafka_service'), true)
  assert.equal(await world.handle().approveModule('kafka_service'), false)
  await changed
  assert.equal(digestOf(), manifestDigest(stronger))
  await member.reportInstance(instance)
})

test('a manifest that changes nothing pinned is in force without approval', async () => {
  await using world = await startTestControl({ approveAutomatically: false })
  const boot = await world.boot('kafka_service', 'module')
  await (await joinModule(boot, manifest))[Symbol.asyncDispose]()
  const described = { ...manifest, info: { title: 'kafka_service', version: '2', description: 'better words' } }
  await using member = await joinModule(boot, described)
  assert.equal(member.bulletin.section('modules')?.['kafka_service']?.manifest_digest, manifestDigest(described))
})

/** A request by OpenSSL that asks for names of somebody else. */
function opensslCsr(curve: string): string {
  const names = 'subjectAltName=URI:spiffe://pop.internal/gateway/gateway-1'
  const key = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes', '-keyout', '/dev/null']
  const asked = ['-subj', '/CN=gateway-1', '-addext', names, '-addext', 'basicConstraints=CA:TRUE']
  const { stdout, stderr } = spawnSync('openssl', ['req', '-new', ...key, ...asked], { encoding: 'utf8' })
  assert.match(stdout, /BEGIN CERTIFICATE REQUEST/, stderr)
  return stdout
}

/** The request of one key, with the public key of another in it. */
function forgedCsr(): string {
  const derOf = (csr: string): Buffer => Buffer.from(csr.split('\n').slice(1, -2).join(''), 'base64')
  const own = derOf(makeCsr(oneKey))
  const victim = createPublicKey(newKey()).export({ type: 'spki', format: 'der' })
  const at = own.indexOf(createPublicKey(oneKey).export({ type: 'spki', format: 'der' }))
  victim.copy(own, at)
  return `-----BEGIN CERTIFICATE REQUEST-----\n${own.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}

async function fetchRaw(url: string, ca: string, body: string, type: string) {
  const { request, Agent } = await import('node:https')
  return await new Promise<{ status: number; type: string; code: string }>((resolve, reject) => {
    const agent = new Agent({ ca, keepAlive: false })
    const sent = request(url, { method: 'POST', agent, headers: { 'content-type': type } }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => {
        const { code } = JSON.parse(text) as { code: string } // what the test asserts next
        resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', code })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
