import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '../problem/pop-error.ts'
import type { VerifiedAnswer } from './answer-types.ts'
import { answerExpectations, identityOf, ids, nowMs, requestExpectations, requestToSeal } from './fixed-world.ts'
import { es256Seal } from './seal.ts'
import { sealLimits, type Ending, type FlatFields, type HeadStream, type StreamedBody } from './terms.ts'

const gateway = identityOf(ids.gateway)
const kafka = identityOf(ids.kafka)
const pieces = [Buffer.from('first,'), Buffer.from('second,'), Buffer.from('last')]
const lengthBytes = pieces.reduce((sum, { length }) => sum + length, 0)
const trailer: StreamedBody = { stream: 'trailer', lengthBytes }

interface Sent {
  readonly head: FlatFields
  readonly trailers: FlatFields
}

/** A streamed request of the gateway, sealed at both ends. */
function sentUpload(nonce = 'nonce-0001', body = trailer, sent = pieces, ending: Ending = 'complete'): Sent {
  const { headers, sealer } = es256Seal.sealRequest(requestToSeal({ body }), gateway, { nowMs, nonce })
  assert(sealer !== undefined)
  for (const piece of sent) sealer.add(piece)
  return { head: headers, trailers: sealer.end(ending, { nowMs, nonce: `${nonce}-end` }) }
}

function headOf(rawHeaders: FlatFields): HeadStream {
  const { method, target } = requestToSeal()
  const head = es256Seal.verifyRequestHead({ method, target, rawHeaders }, requestExpectations({ takesUpload: true }))
  assert(head.ok && head.value.stream !== undefined)
  return head.value.stream
}

/** What the module makes of a head, of bytes and of trailers. */
function outcome({ head, trailers }: Sent, sent: readonly Buffer[] = pieces, atMs = nowMs): string {
  const verifier = es256Seal.verifyBody(headOf(head), sealLimits)
  for (const piece of sent) {
    const refusal = verifier.add(piece)
    if (refusal !== undefined) return refusal.code
  }
  const end = verifier.end(trailers, atMs)
  return end.ok ? end.value : end.code
}

function changed(trailers: FlatFields, name: string, change: (value: string) => string): FlatFields {
  return trailers.map((text, index) => (index % 2 === 1 && trailers[index - 1] === name ? change(text) : text))
}

test('verifyBody() takes a body whose end was sealed with the key of its head', () => {
  assert.equal(outcome(sentUpload()), 'complete')
  assert.equal(outcome(sentUpload('nonce-0002', { stream: 'trailer', lengthBytes: undefined })), 'complete')
  assert.equal(outcome(sentUpload('nonce-0003', { stream: 'trailer', lengthBytes: 0 }, []), []), 'complete')
})

test('verifyBody() tells a body that its sender broke off from a whole one', () => {
  const sent = pieces.slice(0, 1)
  assert.equal(outcome(sentUpload('nonce-0001', trailer, sent, 'partial'), sent), 'partial')
})

test('verifyBody() refuses other bytes than those that were sealed', () => {
  const upload = sentUpload()
  const [first = Buffer.of(), ...rest] = pieces
  assert.equal(outcome(upload, [Buffer.from('First,'), ...rest]), 'seal-body')
  assert.equal(outcome(upload, rest), 'seal-body')
  assert.equal(outcome(upload, [...rest, first]), 'seal-body')
  assert.equal(outcome(upload, []), 'seal-body')
})

test('verifyBody() refuses a body that is longer or shorter than its head says', () => {
  assert.equal(outcome(sentUpload(), [...pieces, Buffer.of(0)]), 'seal-body')
  // The sealer of an honest sender throws; a dishonest one seals what it likes.
  const { headers, sealer } = es256Seal.sealRequest(requestToSeal({ body: trailer }), gateway, {
    nowMs,
    nonce: 'nonce-0001',
  })
  assert(sealer !== undefined)
  assert.throws(() => sealer.end('complete', { nowMs, nonce: 'nonce-end' }), PopError)
  const { headers: lying, sealer: careless } = es256Seal.sealRequest(
    requestToSeal({ body: { stream: 'trailer', lengthBytes: undefined } }),
    gateway,
    { nowMs, nonce: 'nonce-0002' },
  )
  careless?.add(Buffer.from('short'))
  const trailers = careless?.end('complete', { nowMs, nonce: 'nonce-end' }) ?? []
  const verifier = es256Seal.verifyBody({ ...headOf(lying), lengthBytes: 6 }, sealLimits)
  verifier.add(Buffer.from('short'))
  const end = verifier.end(trailers, nowMs)
  assert.equal(!end.ok && end.code, 'seal-body')
  assert(headers.includes('pop-length'))
})

test('verifyBody() refuses trailers that are missing, of another message, of another key or changed', () => {
  const upload = sentUpload()
  const other = sentUpload('nonce-0002')
  assert.equal(outcome({ ...upload, trailers: [] }), 'seal-body')
  assert.equal(outcome({ ...upload, trailers: upload.trailers.slice(0, 6) }), 'seal-body')
  assert.equal(outcome({ ...upload, trailers: other.trailers }), 'seal-invalid')
  const { sealer } = es256Seal.sealRequest(requestToSeal({ body: trailer }), kafka, { nowMs, nonce: 'nonce-0001' })
  for (const piece of pieces) sealer?.add(piece)
  const foreign = sealer?.end('complete', { nowMs, nonce: 'nonce-0001-end' }) ?? []
  assert.equal(outcome({ ...upload, trailers: foreign }), 'seal-invalid')
  const partial = changed(upload.trailers, 'pop-end', () => 'partial')
  assert.equal(outcome({ ...upload, trailers: partial }), 'seal-invalid')
  assert.equal(outcome({ ...upload, trailers: changed(upload.trailers, 'pop-end', () => 'whole') }), 'seal-body')
  assert.equal(outcome({ ...upload, trailers: [...upload.trailers, 'x-more', '1'] }), 'seal-body')
  assert.equal(outcome({ ...upload, trailers: [...upload.trailers, 'pop-end', 'complete'] }), 'seal-body')
  for (const change of [
    (value: string) => value.replace('wimse-end', 'wimse'),
    (value: string) => value.replace(' "pop-end";tr', ''),
    (value: string) => value.replace('pop-body-end', 'wimse-workload-to-workload'),
    (value: string) => `${value};alg="hmac-sha256"`,
  ]) {
    assert.equal(outcome({ ...upload, trailers: changed(upload.trailers, 'signature-input', change) }), 'seal-body')
  }
})

test('verifyBody() refuses an end that was sealed too long ago or ahead of time', () => {
  assert.equal(outcome(sentUpload(), pieces, nowMs + 29_000), 'complete')
  assert.equal(outcome(sentUpload(), pieces, nowMs + 31_000), 'seal-expired')
  assert.equal(outcome(sentUpload(), pieces, nowMs - 7_000), 'seal-expired')
})

test('verifyRequestHead() refuses a streamed body where the operation takes none, and a stream of events', () => {
  const { method, target } = requestToSeal()
  const code = (body: StreamedBody, takesUpload: boolean) => {
    const { headers: rawHeaders } = es256Seal.sealRequest(requestToSeal({ body }), gateway, {
      nowMs,
      nonce: 'nonce-0001',
    })
    const head = es256Seal.verifyRequestHead({ method, target, rawHeaders }, requestExpectations({ takesUpload }))
    return head.ok ? 'ok' : head.code
  }
  assert.equal(code(trailer, true), 'ok')
  assert.equal(code(trailer, false), 'seal-body')
  assert.equal(code({ stream: 'open', lengthBytes: undefined }, true), 'seal-body')
})

test('verifyRequestBody() never takes the bytes of a stream for a whole body', () => {
  const { method, target } = requestToSeal()
  const { head: rawHeaders, trailers } = sentUpload()
  const head = es256Seal.verifyRequestHead({ method, target, rawHeaders }, requestExpectations({ takesUpload: true }))
  assert(head.ok)
  const whole = es256Seal.verifyRequestBody(head.value, Buffer.concat(pieces), trailers)
  assert.equal(!whole.ok && whole.code, 'seal-body')
})

const binding = { method: 'GET', target: '/v1/kafka/topics', nonce: 'nonce-0001' }

function answered(body: StreamedBody, takesEvents = false, change: Partial<{ method: string; status: number }> = {}) {
  const { method = 'GET', status = 200 } = change
  const answer = { status, headers: [], body, binding: { ...binding, method } }
  const sealed = es256Seal.sealAnswer(answer, kafka, { nowMs, nonce: 'answer-0001' })
  const received = { status, rawHeaders: sealed.headers }
  const head = es256Seal.verifyAnswerHead(received, answerExpectations({ ...binding, method }, { takesEvents }))
  return { sealed, head }
}

test('verifyAnswerHead() takes a streamed answer, and a stream of events only where one is declared', () => {
  const { sealed, head } = answered(trailer)
  assert(head.ok && head.value.stream !== undefined)
  assert.equal(head.value.stream.lengthBytes, lengthBytes)
  const verifier = es256Seal.verifyBody(head.value.stream, sealLimits)
  for (const piece of pieces) {
    sealed.sealer?.add(piece)
    verifier.add(piece)
  }
  const trailers = sealed.sealer?.end('complete', { nowMs, nonce: 'answer-end' }) ?? []
  assert.deepEqual(verifier.end(trailers, nowMs), { ok: true, value: 'complete' })
  const whole: { readonly ok: boolean; readonly value?: VerifiedAnswer } = es256Seal.verifyAnswerBody(
    head.value,
    Buffer.concat(pieces),
    [],
  )
  assert.equal(whole.ok, false)

  const open: StreamedBody = { stream: 'open', lengthBytes: undefined }
  assert.equal(answered(open, true).head.ok, true)
  assert.equal(answered(open, false).head.ok, false)
  const events = answered(open, true).head
  assert(events.ok && events.value.stream !== undefined)
  assert.equal(es256Seal.verifyBody(events.value.stream, sealLimits).end(['x', '1'], nowMs).ok, false)
})

test('sealAnswer() throws for a streamed body where an answer has none', () => {
  assert.throws(() => answered(trailer, false, { method: 'HEAD' }), PopError)
  assert.throws(() => answered(trailer, false, { status: 204 }), PopError)
  assert.throws(() => answered({ stream: 'open', lengthBytes: 5 }, true), PopError)
})
