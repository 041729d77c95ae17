// Writes seal.json: `node --conditions=@pop-api/source vectors/make-seal.ts`. Keys, clock, nonces and texts are fixed; ES256 signatures are not, so each run
// writes other bytes that verify alike. packages/protocol/src/seal/vectors.test.ts says whether a file is right.
import { writeFile } from 'node:fs/promises'
import { identityOf, ids, nowMs, requestToSeal, txnClaims, txnToken } from '../packages/protocol/src/seal/fixed-world.ts'
import { es256Seal } from '../packages/protocol/src/seal/seal.ts'
import { combineFields } from '../packages/protocol/src/signature/message.ts'
import { baseOf, expected, keys } from './world.ts'

const gateway = identityOf(ids.gateway)
const kafka = identityOf(ids.kafka)

function text(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? '').toString('utf8')
}

function requestCase(name: string, change: Parameters<typeof requestToSeal>[0] = {}, identity = gateway) {
  const request = requestToSeal(change)
  const { headers } = es256Seal.sealRequest(request, identity, { nowMs, nonce: 'request-nonce-0001' })
  const { method, target } = request
  const signature_base = baseOf({ method, target, fields: combineFields(headers) })
  return { name, outcome: 'accepted', method, target, headers, body: text(request.body instanceof Uint8Array ? request.body : undefined), signature_base }
}

function answerCase(name: string, status: number, body: string, headers: readonly string[], method = 'POST') {
  const binding = { method, target: txnClaims.tctx.target, nonce: 'request-nonce-0001' }
  const answer = { status, headers, body: Buffer.from(body), binding }
  const { headers: fields } = es256Seal.sealAnswer(answer, kafka, { nowMs, nonce: 'answer-nonce-0001' })
  const request = { method, target: binding.target, fields: new Map() }
  const signature_base = baseOf({ status, fields: combineFields(fields), request })
  return { name, outcome: 'accepted', binding, status, headers: fields, body, signature_base }
}

const json = ['content-type', 'application/json']
const good = requestCase('with a body')
const delegated = txnToken({ req_wl: ids.s3, act: { sub: ids.s3 } })
const created = answerCase('with a body', 200, '{"offsets":[0]}', [...json, 'cache-control', 'no-store'])

const requests = [
  good,
  requestCase('without a body', { body: undefined }),
  { ...requestCase('of a module for a user', { txnToken: delegated }, identityOf(ids.s3)), peer: ids.s3 },
  { ...good, name: 'replayed at another instance', audience: `${ids.kafka}0`, outcome: 'seal-audience' },
  { ...good, name: 'after a restart', boot: 'another-start', outcome: 'retry-seal' },
  { ...good, name: 'over the connection of another workload', peer: ids.s3, outcome: 'seal-identity' },
  { ...good, name: 'after its end', now_ms: nowMs + 30_000, outcome: 'seal-expired' },
  { ...good, name: 'ahead of the clock', now_ms: nowMs - 6_000, outcome: 'seal-expired' },
  { ...good, name: 'with another method', method: 'PUT', outcome: 'seal-invalid' },
  { ...good, name: 'with another target', target: `${good.target}?a=1`, outcome: 'seal-invalid' },
  { ...good, name: 'at another operation', operation: 'GET /topics', outcome: 'seal-txn' },
  { ...good, name: 'with a swapped body', body: '{"records":[]}', outcome: 'seal-body' },
  { ...good, name: 'with an uncovered field', headers: [...good.headers, 'x-user', 'alice'], outcome: 'seal-uncovered' },
  { ...good, name: 'with a credential', headers: [...good.headers, 'cookie', 'a=b'], outcome: 'seal-malformed' },
  { ...good, name: 'with a second signature', headers: [...good.headers, ...good.headers.slice(-2)], outcome: 'seal-malformed' },
  { ...good, name: 'without a seal', headers: good.headers.slice(0, -4), outcome: 'seal-missing' },
]

const answers = [
  created,
  answerCase('without a body', 204, '', []),
  answerCase('a problem', 404, '{"code":"resource-not-found"}', ['content-type', 'application/problem+json']),
  { ...created, name: 'with another status', status: 201, outcome: 'seal-invalid' },
  { ...created, name: 'with another body', body: '{"offsets":[9]}', outcome: 'seal-body' },
  { ...created, name: 'to another request', binding: { ...created.binding, nonce: 'request-nonce-0002' }, outcome: 'seal-audience' },
  { ...created, name: 'of another instance', instance: ids.s3, outcome: 'seal-identity' },
  { ...created, name: 'unsealed', headers: json, outcome: 'seal-missing' },
]

const vectors = {
  source: 'POP API, vectors/make-seal.ts (Apache-2.0); docs: the seal of requests and answers between workloads',
  note:
    'headers are flat lists of names and values without those that HTTP libraries add; bodies are UTF-8 text; a case overrides ' +
    'what stands in "expected"; outcome is "accepted" or the code of the refusal; the keys are for tests alone',
  expected,
  keys,
  requests,
  answers,
}

await writeFile(new URL('seal.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
