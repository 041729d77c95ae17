import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PopError } from '../problem/pop-error.ts'
import type { AnswerExpectations, AnswerToSeal, ReceivedAnswer } from './answer-types.ts'
import { answerExpectations, identityOf, ids, nowMs } from './fixed-world.ts'
import { es256Seal } from './seal.ts'
import type { FlatFields, SealIdentity } from './terms.ts'

const kafka = identityOf(ids.kafka)
const binding = { method: 'GET', target: '/v1/kafka/topics', nonce: 'nonce-0001' }
const body = Buffer.from('{"data":[]}')
const headers = ['content-type', 'application/json', 'etag', '"v1"', 'cache-control', 'no-store']
const added = ['Date', 'Mon', 'Connection', 'keep-alive', 'Keep-Alive', 'timeout=5', 'Content-Length', '11']

function sealed(change: Partial<AnswerToSeal> = {}, identity: SealIdentity = kafka): ReceivedAnswer {
  const answer = { status: 200, headers, body, binding, ...change }
  const { headers: fields } = es256Seal.sealAnswer(answer, identity, { nowMs, nonce: 'answer-0001' })
  return { status: answer.status, rawHeaders: [...fields, ...added] }
}

function outcome(
  answer: ReceivedAnswer,
  expected: Partial<AnswerExpectations> = {},
  bytes: Uint8Array = body,
  trailers: FlatFields = [],
): string {
  const head = es256Seal.verifyAnswerHead(answer, answerExpectations(binding, expected))
  if (!head.ok) return head.code
  const whole = es256Seal.verifyAnswerBody(head.value, bytes, trailers)
  return whole.ok ? 'ok' : whole.code
}

test('a sealed answer verifies and hands on exactly what crossed', () => {
  const head = es256Seal.verifyAnswerHead(sealed(), answerExpectations(binding))
  assert(head.ok)
  assert.equal(head.value.status, 200)
  assert.deepEqual(head.value.headers, headers)
  assert.equal(outcome(sealed()), 'ok')
  assert.equal(outcome(sealed(), { peer: undefined }), 'ok')
})

test('an answer without a body verifies: 204, 304, and to HEAD with the length of the other', () => {
  const nothing = new Uint8Array()
  for (const status of [204, 304]) assert.equal(outcome(sealed({ status, body: undefined }), {}, nothing), 'ok')
  const toHead = { ...binding, method: 'HEAD' }
  const answer = sealed({ body: undefined, lengthBytes: 11, binding: toHead })
  const head = es256Seal.verifyAnswerHead(answer, answerExpectations(toHead))
  assert(head.ok)
  assert.equal(head.value.lengthBytes, 11)
  assert.deepEqual(head.value.headers, headers)
})

test('sealAnswer() throws for a body where none can be, a length that is not for HEAD, and fields that may not cross', () => {
  const refusal = (error: unknown) => error instanceof PopError && error.code === 'internal'
  assert.throws(() => sealed({ status: 204 }), refusal)
  assert.throws(() => sealed({ status: 304 }), refusal)
  assert.throws(() => sealed({ binding: { ...binding, method: 'HEAD' } }), refusal)
  assert.throws(() => sealed({ lengthBytes: 11 }), refusal)
  assert.throws(() => sealed({ headers: ['date', 'x'] }), refusal)
  assert.throws(() => sealed({ headers: ['x-a', 'a\nb'] }), refusal)
})

test('an unsealed answer is refused', () => {
  assert.equal(outcome({ status: 200, rawHeaders: headers }), 'seal-missing')
})

test('an answer to another request, or to one whose nonce was not read, is refused', () => {
  assert.equal(outcome(sealed({ binding: { ...binding, nonce: 'nonce-0002' } })), 'seal-audience')
  assert.equal(outcome(sealed({ binding: { ...binding, nonce: undefined } })), 'seal-audience')
  const unread = { ...binding, nonce: undefined }
  assert.equal(outcome(sealed({ binding: unread }), { binding: unread }), 'seal-audience')
  assert.equal(outcome(sealed(), { binding: { ...binding, target: '/v1/kafka/topics?a=1' } }), 'seal-invalid')
  assert.equal(outcome(sealed(), { binding: { ...binding, method: 'DELETE' } }), 'seal-invalid')
})

test('an answer with another status, of another instance or over the connection of another is refused', () => {
  assert.equal(outcome({ ...sealed(), status: 201 }), 'seal-invalid')
  assert.equal(outcome(sealed({}, identityOf(ids.s3))), 'seal-identity')
  assert.equal(outcome(sealed({}, identityOf(ids.s3)), { peer: ids.s3 }), 'seal-identity')
  assert.equal(outcome(sealed(), { peer: ids.s3 }), 'seal-identity')
  assert.equal(outcome(sealed(), { instance: 'spiffe://pop.internal/module/kafka_service/2' }), 'seal-identity')
})

test('a stale answer, one from the future and one with an expired workload token are refused', () => {
  assert.equal(outcome(sealed(), { nowMs: nowMs + 30_000 }), 'seal-expired')
  assert.equal(outcome(sealed(), { nowMs: nowMs - 6_000 }), 'seal-expired')
  const ended = identityOf(ids.kafka, { iat: 1_799_990_000, exp: 1_800_000_000 })
  assert.equal(outcome(sealed({}, ended)), 'seal-wit')
})

test('an answer with an uncovered or repeated field, a trailer or another body is refused', () => {
  const plus = (name: string, value: string) => ({ status: 200, rawHeaders: [...sealed().rawHeaders, name, value] })
  assert.equal(outcome(plus('Set-Cookie', 'a=b')), 'seal-uncovered')
  assert.equal(outcome(plus('Location', 'https://elsewhere')), 'seal-uncovered')
  assert.equal(outcome(plus('ETag', '"v2"')), 'seal-malformed')
  assert.equal(outcome(plus('Pop-Body', 'open')), 'seal-uncovered')
  assert.equal(outcome(sealed(), {}, Buffer.from('{"data":[1]}')), 'seal-body')
  assert.equal(outcome(sealed(), {}, new Uint8Array()), 'seal-body')
  assert.equal(outcome(sealed({ body: undefined }), {}, body), 'seal-body')
  assert.equal(outcome(sealed(), {}, body, ['etag', '"v2"']), 'seal-body')
})

test('a sealed request is no answer and a sealed answer is no request', () => {
  const request = es256Seal.sealRequest(
    {
      method: 'GET',
      target: '/',
      headers: [],
      body: undefined,
      txnToken: 't',
      requestId: 'r',
      audience: ids.kafka,
      boot: 'b',
    },
    kafka,
    { nowMs, nonce: 'nonce-0001' },
  )
  assert.notEqual(outcome({ status: 200, rawHeaders: request.headers }), 'ok')
})

test('a change of any character of a sealed answer makes it refused', () => {
  const answer = sealed()
  const covered = answer.rawHeaders.length - added.length
  const expected = answerExpectations(binding)
  fc.assert(
    fc.property(fc.nat(covered - 1), fc.nat(5000), fc.integer({ min: 33, max: 126 }), (where, at, code) => {
      const rawHeaders = [...answer.rawHeaders]
      const text = rawHeaders[where] ?? ''
      const index = at % text.length
      rawHeaders[where] = text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1)
      const fold = (value: string) => (where % 2 === 0 ? value.toLowerCase() : value)
      const same = fold(rawHeaders[where]) === fold(text)
      assert.equal(outcome({ status: 200, rawHeaders }, expected) === 'ok', same)
    }),
    { numRuns: 400 },
  )
})
