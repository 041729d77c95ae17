import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyIdOf } from '@pop-api/keyring'
import {
  compileTrust,
  PopError,
  verifyWit,
  type BootFile,
  type EnrolmentKind,
  type TrustSection,
} from '@pop-api/protocol'
import { formatEnrolmentToken, makeCsr, obtainCredentials, WorkloadError } from '@pop-api/workload'
import { openAdmin } from '../admin/admin.ts'
import { openApiKeyBook } from '../apikeys/api-key-book.ts'
import { openAuthority } from '../authority/authority.ts'
import { enrol, type EnrolmentOffice, type Member } from './enrol.ts'
import { openTokenBook, tokenLifeMs } from './token-book.ts'

const manifest = {
  openapi: '3.1.0',
  info: { title: 'echo_service', version: '1' },
  'x-pop-module': { name: 'echo_service', base: '/v1/echo', permissions: ['echo.say'] },
  paths: { '/': { get: { operationId: 'say', 'x-pop-requires': { role: 'create_resource', module: 'echo.say' } } } },
}

function ecPair() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

async function openOffice() {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'pop-control-'))
  stack.defer(() => rm(home, { recursive: true }))
  let nowMs = Date.now()
  const clock = (): number => nowMs
  const mesh = await openAuthority(join(home, 'mesh'), 'POP mesh', clock)
  const publicAuthority = await openAuthority(join(home, 'public'), 'POP public', clock)
  const wit = ecPair()
  const bulletin = ecPair()
  const enrolled: Member[] = []
  const publicNames = { dnsNames: ['localhost'], addresses: ['127.0.0.1', '::1'] }
  const office: EnrolmentOffice = {
    domain: 'pop.internal',
    controlId: 'spiffe://pop.internal/control/control-1',
    mesh,
    publicAuthority,
    witSigner: { kid: keyIdOf(wit.privateKey), privateKey: wit.privateKey },
    bulletinJwk: {
      ...bulletin.publicKey.export({ format: 'jwk' }),
      kty: 'EC',
      alg: 'ES256',
      kid: keyIdOf(bulletin.publicKey),
    },
    controlAddress: () => 'https://localhost:7443',
    certificateLifeMs: 3_600_000,
    publicNames,
    tokens: stack.use(openTokenBook(join(home, 'state.db'))),
    apiKeys: stack.use(openApiKeyBook(join(home, 'state.db'), 'development')),
    enrolled: (member) => enrolled.push(member),
    nowMs: clock,
  }
  const key = ecPair().privateKey
  const cert = await publicAuthority.issue(makeCsr(key), { kind: 'public', ...publicNames }, 3_600_000)
  const failures: unknown[] = []
  const admin = stack.use(
    await openAdmin({
      listen: { host: '127.0.0.1', port: 0 },
      tls: { cert, key: key.export({ type: 'pkcs8', format: 'pem' }) },
      root: publicAuthority.root,
      enrol: (request) => enrol(request, office),
      failed: (_requestId, failure) => failures.push(failure),
    }),
  )
  const token = (name: string, kind: EnrolmentKind): string =>
    formatEnrolmentToken({
      secret: office.tokens.issue({ name, kind }, nowMs),
      rootSpkiSha256: publicAuthority.rootSpkiSha256,
    })
  const boot = (name: string, oneTime?: string): BootFile => ({
    name,
    home: join(home, 'workloads', name),
    listen: {},
    admin: admin.address,
    anchor: { root_spki_sha256: publicAuthority.rootSpkiSha256 },
    ...(oneTime === undefined ? {} : { token: oneTime }),
  })
  const trustSection: TrustSection = {
    domain: 'pop.internal',
    authorities: [],
    wit_issuers: [
      { kid: office.witSigner.kid, state: 'active', jwk: { ...wit.publicKey.export({ format: 'jwk' }), kty: 'EC' } },
    ],
    txn_keys: [],
  }
  const owned = stack.move()
  return {
    office,
    home,
    token,
    boot,
    enrolled,
    failures,
    trust: compileTrust(trustSection),
    obtain: (file: BootFile, kind: EnrolmentKind) =>
      obtainCredentials(file, kind === 'module' ? { kind, manifest } : { kind }, {
        nowMs: clock,
        random: () => 0,
        patienceMs: 0,
      }),
    pass: (ms: number) => (nowMs += ms),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const refused = (error: unknown): boolean => error instanceof PopError && error.code === 'enrolment-refused'

test('a module enrols: certificate, workload token and API key are all of the one identity', async () => {
  await using world = await openOffice()
  const { keys, credentials } = await world.obtain(
    world.boot('echo_service', world.token('echo_service', 'module')),
    'module',
  )
  const { membership, apiKey } = credentials
  assert.match(membership?.spiffeId ?? '', /^spiffe:\/\/pop\.internal\/module\/echo_service\/[0-9a-f]{16}$/)
  const certificate = new X509Certificate(membership?.certificate ?? '')
  assert.equal(certificate.subjectAltName, `URI:${membership?.spiffeId}`)
  assert.equal(certificate.subject, undefined)
  assert.ok(certificate.verify(createPublicKey(world.office.mesh.root)))
  const wit = verifyWit(membership?.wit ?? '', world.trust, Date.now())
  assert.ok(wit.ok)
  assert.equal(wit.value.sub, membership?.spiffeId)
  assert.ok(keys.message !== undefined && wit.value.key.equals(createPublicKey(keys.message)))
  assert.equal(world.office.apiKeys.owner(apiKey ?? ''), 'echo_service')
  assert.equal(world.enrolled[0]?.manifest?.base, '/v1/echo')
  assert.equal((await stat(join(world.home, 'workloads', 'echo_service', 'credentials.json'))).mode & 0o777, 0o600)
})

test('a gateway gets two certificates and the issuer a public one, each with the names that control chose', async () => {
  await using world = await openOffice()
  const gateway = await world.obtain(world.boot('gateway-1', world.token('gateway-1', 'gateway')), 'gateway')
  assert.equal(gateway.credentials.membership?.spiffeId, 'spiffe://pop.internal/gateway/gateway-1')
  const open = new X509Certificate(gateway.credentials.publicCertificate ?? '')
  assert.equal(open.checkHost('localhost'), 'localhost')
  assert.ok(open.verify(createPublicKey(world.office.publicAuthority.root)))
  const issuer = await world.obtain(world.boot('identity', world.token('identity', 'issuer')), 'issuer')
  assert.equal(issuer.credentials.membership, undefined)
  assert.ok(issuer.credentials.publicCertificate !== undefined)
})

test('a restart uses the credentials that still hold, and asks for a token once they do not', async () => {
  await using world = await openOffice()
  const first = await world.obtain(world.boot('gateway-1', world.token('gateway-1', 'gateway')), 'gateway')
  const again = await world.obtain(world.boot('gateway-1'), 'gateway')
  assert.equal(again.credentials.membership?.certificate, first.credentials.membership?.certificate)
  assert.equal(world.enrolled.length, 1)
  world.pass(3_500_000)
  await assert.rejects(world.obtain(world.boot('gateway-1'), 'gateway'), { code: 'credentials-invalid' })
})

test('a token is good for one set of keys', async () => {
  await using world = await openOffice()
  const token = world.token('gateway-1', 'gateway')
  await world.obtain(world.boot('gateway-1', token), 'gateway')
  const thief = { ...world.boot('thief', token), name: 'gateway-1' }
  await assert.rejects(world.obtain(thief, 'gateway'), refused)
  assert.equal(world.enrolled.length, 1)
})

test('a token of another kind, of another module or at its end makes nobody a member', async () => {
  await using world = await openOffice()
  await assert.rejects(
    world.obtain(world.boot('echo_service', world.token('echo_service', 'gateway')), 'module'),
    refused,
  )
  await assert.rejects(
    world.obtain(world.boot('other_service', world.token('other_service', 'module')), 'module'),
    refused,
  )
  const late = world.token('echo_service', 'module')
  world.pass(tokenLifeMs)
  await assert.rejects(world.obtain(world.boot('late', late), 'module'), refused)
  assert.deepEqual(world.enrolled, [])
})

test('a newcomer tells nothing to an admin whose root is not the pinned one', async () => {
  await using world = await openOffice()
  const file = world.boot('gateway-1', world.token('gateway-1', 'gateway'))
  const fooled = { ...file, anchor: { root_spki_sha256: 'ab'.repeat(32) } }
  await assert.rejects(
    world.obtain(fooled, 'gateway'),
    (error) => error instanceof WorkloadError && error.code === 'root-mismatch',
  )
  assert.deepEqual(world.enrolled, [])
})

test('enrol() refuses requests that are not exactly those of their kind', async () => {
  await using world = await openOffice()
  const keys = { mesh: ecPair(), open: ecPair(), message: ecPair(), txn: ecPair() }
  const jwk = (pair: ReturnType<typeof ecPair>) => pair.publicKey.export({ format: 'jwk' })
  const body = {
    csr: makeCsr(keys.mesh.privateKey),
    public_csr: makeCsr(keys.open.privateKey),
    message_jwk: jwk(keys.message),
    txn_jwk: jwk(keys.txn),
  }
  const attacks: readonly (readonly [string, unknown])[] = [
    ['no object', 'x'],
    ['no token', body],
    ['a malformed token', { ...body, token: 'x' }],
    ['a member too few', { ...body, txn_jwk: undefined, token: world.token('g', 'gateway') }],
    [
      'a member too many',
      { ...body, spiffe_id: 'spiffe://pop.internal/control/x', token: world.token('g', 'gateway') },
    ],
    ['one key for two purposes', { ...body, txn_jwk: body.message_jwk, token: world.token('g', 'gateway') }],
    ['a request that is none', { ...body, csr: 'x', token: world.token('g', 'gateway') }],
    [
      'a key of another curve',
      {
        ...body,
        txn_jwk: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }),
        token: world.token('g', 'gateway'),
      },
    ],
  ]
  for (const [name, request] of attacks) await assert.rejects(enrol(request, world.office), refused, name)
  assert.deepEqual(world.enrolled, [])
  await enrol({ ...body, token: world.token('g', 'gateway') }, world.office)
  assert.equal(world.enrolled.length, 1)
})
