// Writes documents.json: `node --conditions=@pop-api/source vectors/make-documents.ts`. All of it is fixed but the signatures in the
// certificate requests. tests/vectors.test.ts says whether a file is right.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { formatLine } from '../packages/audit/src/line.ts'
import type { AuditEvent } from '../packages/audit/src/event.ts'
import { keyIdOf, spkiSha256Of } from '../packages/keyring/src/key-id.ts'
import { hashApiKey, mintApiKey } from '../packages/protocol/src/apikey/api-key.ts'
import { manifestDigest } from '../packages/protocol/src/manifest/digest.ts'
import { fixedKey, ids, txnClaims } from '../packages/protocol/src/seal/fixed-world.ts'
import { makeCsr } from '../packages/workload/src/enrol/csr.ts'
import { formatEnrolmentToken } from '../packages/workload/src/enrol/token.ts'
import { source } from './world.ts'

const secret = Buffer.alloc(32, 0x5a)
const apiKey = mintApiKey({ environment: 'development', id: '0123456789ABCDEF', secret })
const small = mintApiKey({ environment: 'production', id: 'zzzzzzzzzzzzzzzz', secret: Buffer.alloc(32) })
const api_keys = [
  {
    name: 'of a development',
    outcome: 'accepted',
    text: apiKey,
    environment: 'development',
    id: '0123456789ABCDEF',
    secret_hex: secret.toString('hex'),
    sha256_hex: hashApiKey(apiKey),
  },
  {
    name: 'whose secret is all zeros',
    outcome: 'accepted',
    text: small,
    environment: 'production',
    id: 'zzzzzzzzzzzzzzzz',
    secret_hex: '00'.repeat(32),
    sha256_hex: hashApiKey(small),
  },
  { name: 'of another environment', outcome: 'refused', text: apiKey, environment: 'production' },
  { name: 'mistyped', outcome: 'refused', text: apiKey.replace('ABCDEF_', 'ABCDEG_'), environment: 'development' },
  { name: 'cut', outcome: 'refused', text: apiKey.slice(0, -1), environment: 'development' },
  { name: 'with white space', outcome: 'refused', text: `${apiKey} `, environment: 'development' },
  { name: 'with an environment in capitals', outcome: 'refused', text: apiKey.replace('_dev', '_DEV'), environment: 'DEVelopment' },
]

const rootSpki = spkiSha256Of(createPublicKey(fixedKey('public root')))
const enrolmentToken = formatEnrolmentToken({ secret: secret.toString('base64url'), rootSpkiSha256: rootSpki })
const enrolment_tokens = [
  {
    name: 'as control gives it',
    outcome: 'accepted',
    text: enrolmentToken,
    secret: secret.toString('base64url'),
    root_spki_sha256: rootSpki,
  },
  { name: 'with the digest in capitals', outcome: 'refused', text: enrolmentToken.replace(rootSpki, rootSpki.toUpperCase()) },
  { name: 'without the root', outcome: 'refused', text: enrolmentToken.slice(0, enrolmentToken.lastIndexOf('.')) },
  { name: 'with a longer secret', outcome: 'refused', text: enrolmentToken.replace('.', '.A') },
]

function publicJwk(key: KeyObject) {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  return { kty, crv, x, y, alg: 'ES256', kid: keyIdOf(key) }
}

const operation = {
  operationId: 'readNote',
  'x-pop-requires': { role: { own: 'view_own_resources', public: 'view_public_resources' }, module: 'notes.read' },
  'x-pop-resource': { kind: 'note', id: 'path.note', effect: 'read' },
}
const note = { name: 'note', in: 'path', required: true, schema: { type: 'string', maxLength: 40 } }
const manifest = {
  openapi: '3.1.0',
  info: { title: 'notes', version: '1' },
  'x-pop-module': { name: 'notes', base: '/v1/notes', permissions: ['notes.read', 'notes.write'] },
  paths: {
    '/{note}': { parameters: [note], get: operation },
    '/{note}/attachment': {
      parameters: [note],
      put: {
        operationId: 'attach',
        'x-pop-requires': { role: { own: 'create_resource' }, module: 'notes.write' },
        'x-pop-resource': { kind: 'note', id: 'path.note', effect: 'change' },
        'x-pop-stream': 'upload',
        requestBody: { content: { '*/*': { schema: {} } } },
      },
    },
  },
}

/** The manifest with its one operation, or its module, changed. */
function manifestWith(change: { readonly module?: object; readonly get?: object; readonly top?: object }) {
  const module = { ...manifest['x-pop-module'], ...change.module }
  const paths = { '/{note}': { parameters: [note], get: { ...operation, ...change.get } } }
  return { ...manifest, ...change.top, 'x-pop-module': module, paths }
}

function refusedManifest(name: string, fault: string, change: Parameters<typeof manifestWith>[0]) {
  return { name, outcome: 'manifest-invalid', fault, document: manifestWith(change) }
}

const { 'x-pop-requires': _requires, ...unrequired } = operation
const manifests = [
  { name: 'of notes', outcome: 'accepted', digest: manifestDigest(manifest), document: manifest },
  {
    name: 'of notes, its members in another order',
    outcome: 'accepted',
    digest: manifestDigest(manifest),
    document: Object.fromEntries(Object.entries(manifest).reverse()),
  },
  refusedManifest('of another version of OpenAPI', 'openapi must be 3.1.x', { top: { openapi: '3.0.3' } }),
  refusedManifest('at a base of the gateway', 'is reserved for the gateway', { module: { base: '/v1/pop/notes' } }),
  refusedManifest('above a base of the gateway', 'is reserved for the gateway', { module: { base: '/v1' } }),
  refusedManifest('with a permission that is no word', 'x-pop-module.permissions must match', {
    module: { permissions: ['notes.read', 'notes'] },
  }),
  {
    name: 'with an operation that requires nothing',
    outcome: 'manifest-invalid',
    fault: 'x-pop-requires is missing',
    document: { ...manifest, paths: { '/{note}': { parameters: [note], get: unrequired } } },
  },
  refusedManifest('with a permission that it does not list', 'x-pop-requires.module must be one of', {
    get: { 'x-pop-requires': { role: 'create_resource', module: 'notes.burn' } },
  }),
  refusedManifest('with an ownership that is none', 'a map of any, own, public', {
    get: { 'x-pop-requires': { role: { mine: 'create_resource' }, module: 'notes.read' } },
  }),
  refusedManifest('with a stream that is none', 'x-pop-stream must be upload or events', { get: { 'x-pop-stream': 'both' } }),
  refusedManifest('with an effect that is none', 'x-pop-resource.effect must be one of', {
    get: { 'x-pop-resource': { kind: 'note', id: 'path.note', effect: 'burn' } },
  }),
  refusedManifest('with a resource that has no id', 'x-pop-resource.id must be', {
    get: { 'x-pop-resource': { kind: 'note', effect: 'read' } },
  }),
]

const mesh = fixedKey(`mesh ${ids.gateway}`)
const enrolment = {
  gateway: {
    csr: makeCsr(mesh),
    public_csr: makeCsr(fixedKey(`public ${ids.gateway}`)),
    message_jwk: publicJwk(fixedKey(`message ${ids.gateway}`)),
    txn_jwk: publicJwk(fixedKey('txn gateway-1')),
  },
  module: {
    csr: makeCsr(fixedKey('mesh notes')),
    message_jwk: publicJwk(fixedKey('message notes')),
    manifest,
  },
  issuer: { public_csr: makeCsr(fixedKey('public issuer')) },
}

const event: AuditEvent = {
  timestamp: '2027-01-15T08:00:00.250Z',
  action: 'resource_creation',
  user: 'bob',
  service: 'kafka_service',
  resource_id: 'orders',
  ip_address: '192.0.2.7',
  status: 'success',
  request_id: 'req-0001',
  operation: 'POST /topics',
  latency_ms: 4,
  txn: txnClaims.txn,
  decision: txnClaims.tctx.decision,
  subject: txnClaims.sub,
  code: 201,
}
const audit_events = [
  { name: 'of a module', event, line: formatLine(event) },
  {
    name: 'of a name that would turn a terminal around',
    event: { ...event, user: 'bob\u202e\u0007\u{e0041}' },
    line: formatLine({ ...event, user: 'bob\u202e\u0007\u{e0041}' }),
  },
  {
    name: 'of a text that is too long',
    event: { ...event, resource_id: 'x'.repeat(3000) },
    line: formatLine({ ...event, resource_id: 'x'.repeat(3000) }),
  },
]

const vectors = {
  source,
  note:
    'outcome is "accepted", "refused" or the code of the refusal; of a refused manifest, fault is part of its detail; enrolment has ' +
    'what each kind of workload sends to POST /enrol, beside its token; line is the event as it stands in the log, line end included',
  api_keys,
  enrolment_tokens,
  enrolment,
  manifests,
  audit_events,
}

await writeFile(new URL('documents.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
