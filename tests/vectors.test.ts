import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileLog, readAudit, type AuditEvent } from '@pop-api/audit'
import {
  encodeBase62,
  hashApiKey,
  manifestDigest,
  mintApiKey,
  parseApiKey,
  parseManifest,
  PopError,
  verifyWit,
  compileTrust,
  type EnrolmentKind,
  type EnrolResponse,
  type ManifestDocument,
  type RenewRequest,
} from '@pop-api/protocol'
import { exchange, startPop } from '@pop-api/testkit'
import { formatEnrolmentToken, parseEnrolmentToken } from '@pop-api/workload'
import { root } from './tree.ts'

interface Case {
  readonly name: string
  readonly outcome: string
}

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(await readFile(`${root}vectors/documents.json`, 'utf8')) as {
  readonly api_keys: readonly (Case & {
    readonly text: string
    readonly environment: string
    readonly id?: string
    readonly secret_hex?: string
    readonly sha256_hex?: string
  })[]
  readonly enrolment_tokens: readonly (Case & {
    readonly text: string
    readonly secret?: string
    readonly root_spki_sha256?: string
  })[]
  readonly enrolment: Readonly<Record<EnrolmentKind, RenewRequest>>
  readonly manifests: readonly (Case & {
    readonly document: ManifestDocument
    readonly digest?: string
    readonly fault?: string
  })[]
  readonly audit_events: readonly { readonly name: string; readonly event: AuditEvent; readonly line: string }[]
}

test('documents.json: every API key is read or refused as published, and made of its parts', () => {
  assert(vectors.api_keys.length >= 7)
  for (const { name, outcome, text, environment, id, secret_hex: secret, sha256_hex: sha256 } of vectors.api_keys) {
    const key = parseApiKey(text, environment)
    assert.equal(key === undefined ? 'refused' : 'accepted', outcome, name)
    if (key === undefined) continue
    assert.equal(key.id, id, name)
    assert.equal(hashApiKey(text), sha256, name)
    assert.equal(mintApiKey({ ...key, secret: Buffer.from(secret ?? '', 'hex') }), text, name)
    assert.ok(text.includes(`_${encodeBase62(Buffer.from(secret ?? '', 'hex'), 43)}_`), name)
  }
})

test('documents.json: every enrolment token is read or refused as published', () => {
  assert(vectors.enrolment_tokens.length >= 4)
  for (const { name, outcome, text, secret, root_spki_sha256: rootSpkiSha256 } of vectors.enrolment_tokens) {
    const token = parseEnrolmentToken(text)
    assert.equal(token === undefined ? 'refused' : 'accepted', outcome, name)
    if (token === undefined) continue
    assert.deepEqual(token, { secret, rootSpkiSha256 }, name)
    assert.equal(formatEnrolmentToken(token), text, name)
  }
})

test('documents.json: every manifest loads, or is refused for what it is said to be refused for', () => {
  assert(vectors.manifests.length >= 12)
  for (const { name, outcome, document, digest, fault } of vectors.manifests) {
    try {
      assert.equal(manifestDigest(parseManifest(document).document), digest, name)
      assert.equal(outcome, 'accepted', name)
    } catch (failure) {
      if (!(failure instanceof PopError)) throw failure
      assert.equal(failure.code, outcome, name)
      assert.ok(failure.message.includes(fault ?? 'a fault that the vector names'), `${name}: ${failure.message}`)
      // One fault each: what it is refused for is what its name says.
      assert.match(failure.message, /has 1 fault/, name)
    }
  }
})

test('documents.json: every audit event stands in a log as published, and is read back', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pop-vectors-'))
  try {
    const log = await openFileLog({ directory })
    for (const { event } of vectors.audit_events) await log.append(event, 'written')
    await log[Symbol.asyncDispose]()
    const text = await readFile(join(directory, '00000001.jsonl'), 'utf8')
    assert.equal(text, vectors.audit_events.map(({ line }) => line).join(''))
    const [first] = await Array.fromAsync(readAudit(directory))
    assert.deepEqual(first, vectors.audit_events[0]?.event)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('documents.json: control takes the enrolment of each kind, once, and answers what the page says', async () => {
  await using pop = await startPop()
  const { control } = pop
  const enrol = (body: object) =>
    exchange({
      method: 'POST',
      origin: control.admin,
      path: '/enrol',
      ca: pop.ca,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const names = { gateway: 'gateway-9', module: 'notes', issuer: 'identity-9' } as const
  const members = {
    gateway: ['bulletin_jwk', 'certificate', 'control', 'mesh_roots', 'public_certificate', 'spiffe_id', 'wit'],
    module: ['api_key', 'bulletin_jwk', 'certificate', 'control', 'mesh_roots', 'spiffe_id', 'wit'],
    issuer: ['bulletin_jwk', 'control', 'mesh_roots', 'public_certificate'],
  } as const
  for (const kind of ['gateway', 'module', 'issuer'] as const) {
    const token = control.issueToken({ name: names[kind], kind })
    const request = { token, ...vectors.enrolment[kind] }
    const { status, body } = await enrol(request)
    assert.equal(status, 200, `${kind}: ${JSON.stringify(body)}`)
    assert.deepEqual(Object.keys(body).sort(), members[kind], kind)
    // The same request has the same answer; with other keys the token is used up, and with a member more it is none.
    assert.deepEqual((await enrol(request)).body, body, kind)
    const other = { token, ...vectors.enrolment[kind], public_csr: vectors.enrolment.gateway.csr }
    assert.equal((await enrol(other)).status, 403, kind)
    // Read as the type says; the members were compared just now.
    const { wit, spiffe_id: spiffeId } = body as unknown as EnrolResponse
    if (wit === undefined) continue
    const trust = pop.member.bulletin.section('trust')
    const verified = trust === undefined ? undefined : verifyWit(wit, compileTrust(trust), Date.now())
    assert.equal(verified?.ok === true ? verified.value.sub : undefined, spiffeId)
  }
})
