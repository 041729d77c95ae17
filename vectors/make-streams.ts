// Writes streams.json: `node --conditions=@pop-api/source vectors/make-streams.ts`. As with seal.json, each run writes other
// signatures that verify alike; packages/protocol/src/seal/stream-vectors.test.ts says whether a file is right.
import { writeFile } from 'node:fs/promises'
import { sealerOf } from '../packages/protocol/src/seal/body-end.ts'
import { identityOf, ids, nowMs, requestToSeal, txnClaims } from '../packages/protocol/src/seal/fixed-world.ts'
import { es256Seal } from '../packages/protocol/src/seal/seal.ts'
import type { Ending, FlatFields, SealIdentity, StreamedBody } from '../packages/protocol/src/seal/terms.ts'
import { combineFields } from '../packages/protocol/src/signature/message.ts'
import { baseOf, expected, keys, source } from './world.ts'

const gateway = identityOf(ids.gateway)
const kafka = identityOf(ids.kafka)
const pieces = ['the first piece,', ' the second,', ' and the last']
const lengthBytes = pieces.join('').length
const known: StreamedBody = { stream: 'trailer', lengthBytes }
const unknown: StreamedBody = { stream: 'trailer', lengthBytes: undefined }
const open: StreamedBody = { stream: 'open', lengthBytes: undefined }

function fieldOf(fields: FlatFields, name: string): string {
  return fields[fields.indexOf(name) + 1] ?? ''
}

/** The trailers of these pieces behind this head. The length of the head is not looked at: a liar seals what it likes. */
function endOf(head: FlatFields, sent: readonly string[], ending: Ending, identity: SealIdentity): FlatFields {
  const sealer = sealerOf(unknown, fieldOf(head, 'signature'), identity)
  for (const piece of sent) sealer?.add(Buffer.from(piece))
  return sealer?.end(ending, { nowMs, nonce: 'body-end-nonce-01' }) ?? []
}

/** What the signature of the trailers signs. */
function endBaseOf(head: FlatFields, trailers: FlatFields): string {
  return [
    `"signature";key="wimse": ${fieldOf(head, 'signature').slice('wimse='.length)}`,
    `"content-digest";tr: ${fieldOf(trailers, 'content-digest')}`,
    `"pop-end";tr: ${fieldOf(trailers, 'pop-end')}`,
    `"@signature-params": ${fieldOf(trailers, 'signature-input').slice('wimse-end='.length)}`,
  ].join('\n')
}

function changed(trailers: FlatFields, name: string, change: (value: string) => string): FlatFields {
  return trailers.map((text, index) => (index % 2 === 1 && trailers[index - 1] === name ? change(text) : text))
}

function uploadCase(name: string, body: StreamedBody, sent: readonly string[] = pieces, outcome: Ending = 'complete') {
  const request = requestToSeal({ body, headers: ['content-type', 'application/octet-stream'] })
  const { headers } = es256Seal.sealRequest(request, gateway, { nowMs, nonce: 'request-nonce-0001' })
  const { method, target } = request
  const signature_base = baseOf({ method, target, fields: combineFields(headers) })
  const trailers = endOf(headers, sent, outcome, gateway)
  const end_signature_base = endBaseOf(headers, trailers)
  return { name, outcome, method, target, headers, signature_base, pieces: sent, trailers, end_signature_base }
}

function answerCase(name: string, body: StreamedBody, sent: readonly string[] = pieces, outcome: Ending = 'complete') {
  const binding = { method: 'GET', target: txnClaims.tctx.target, nonce: 'request-nonce-0001' }
  const answer = { status: 200, headers: ['content-type', 'application/octet-stream'], body, binding }
  const { headers } = es256Seal.sealAnswer(answer, kafka, { nowMs, nonce: 'answer-nonce-0001' })
  const request = { method: binding.method, target: binding.target, fields: new Map() }
  const signature_base = baseOf({ status: 200, fields: combineFields(headers), request })
  if (body.stream === 'open')
    return { name, outcome, binding, status: 200, headers, signature_base, pieces: sent, trailers: [] }
  const trailers = endOf(headers, sent, outcome, kafka)
  const end_signature_base = endBaseOf(headers, trailers)
  return { name, outcome, binding, status: 200, headers, signature_base, pieces: sent, trailers, end_signature_base }
}

interface Streamed {
  readonly headers: FlatFields
  readonly trailers: FlatFields
}

/** The ways in which a body and its end are refused, the same for requests and answers: `good` is a whole case, `other` one of another message. */
function refusedCases<T extends Streamed>(good: T, other: Streamed, identity: SealIdentity, foreign: SealIdentity) {
  const { headers, trailers } = good
  const short = pieces.slice(0, 2)
  const tooMuch = [...pieces, '!']
  return [
    { ...good, name: 'without trailers', trailers: [], outcome: 'seal-body' },
    { ...good, name: 'cut within its trailers', trailers: trailers.slice(0, 6), outcome: 'seal-body' },
    { ...good, name: 'cut before its last piece', pieces: short, outcome: 'seal-body' },
    { ...good, name: 'with a changed byte', pieces: ['The first piece,', ...pieces.slice(1)], outcome: 'seal-body' },
    { ...good, name: 'with its pieces in another order', pieces: pieces.toReversed(), outcome: 'seal-body' },
    { ...good, name: 'with one more byte than was sealed', pieces: tooMuch, outcome: 'seal-body' },
    {
      ...good,
      name: 'longer than its head says, under a good signature',
      pieces: tooMuch,
      trailers: endOf(headers, tooMuch, 'complete', identity),
      outcome: 'seal-body',
    },
    {
      ...good,
      name: 'shorter than its head says, under a good signature',
      pieces: short,
      trailers: endOf(headers, short, 'complete', identity),
      outcome: 'seal-body',
    },
    { ...good, name: 'with the end of another message', trailers: other.trailers, outcome: 'seal-invalid' },
    {
      ...good,
      name: 'with an end of another key',
      trailers: endOf(headers, pieces, 'complete', foreign),
      outcome: 'seal-invalid',
    },
    {
      ...good,
      name: 'broken off, and said to be complete',
      pieces: short,
      trailers: changed(endOf(headers, short, 'partial', identity), 'pop-end', () => 'complete'),
      outcome: 'seal-invalid',
    },
    { ...good, name: 'with an ending that is none', trailers: changed(trailers, 'pop-end', () => 'whole'), outcome: 'seal-body' },
    { ...good, name: 'with a trailer more', trailers: [...trailers, 'x-more', '1'], outcome: 'seal-body' },
    { ...good, name: 'with a trailer twice', trailers: [...trailers, 'pop-end', 'complete'], outcome: 'seal-body' },
    {
      ...good,
      name: 'with an end under the label of heads',
      trailers: changed(trailers, 'signature', (value) => value.replace('wimse-end', 'wimse')),
      outcome: 'seal-body',
    },
    { ...good, name: 'with an end sealed too long ago', end_ms: nowMs + 30_000, outcome: 'seal-expired' },
    { ...good, name: 'with an end sealed ahead of the clock', end_ms: nowMs - 6_000, outcome: 'seal-expired' },
  ]
}

const upload = uploadCase('with its length', known)
const requests = [
  upload,
  uploadCase('without its length', unknown),
  uploadCase('of no byte', { stream: 'trailer', lengthBytes: 0 }, []),
  uploadCase('broken off by the client', known, pieces.slice(0, 1), 'partial'),
  { ...upload, name: 'slow, its end in time', end_ms: nowMs + 29_000 },
  ...refusedCases(upload, uploadCase('another', known), gateway, kafka),
  { ...upload, name: 'where the operation takes no upload', takes_upload: false, outcome: 'seal-body' },
  { ...upload, name: 'with another length', headers: changed(upload.headers, 'pop-length', () => '1'), outcome: 'seal-invalid' },
  { ...uploadCase('with an end that nobody seals', open), trailers: [], outcome: 'seal-body' },
]

const download = answerCase('with its length', known)
const answers = [
  download,
  answerCase('without its length', unknown),
  answerCase('broken off by the module', known, pieces.slice(0, 1), 'partial'),
  { ...answerCase('of events', open), takes_events: true },
  ...refusedCases(download, answerCase('another', known), kafka, gateway),
  { ...answerCase('of events where none are declared', open), outcome: 'seal-body' },
  { ...answerCase('of events with trailers', open), takes_events: true, trailers: download.trailers, outcome: 'seal-body' },
]

const vectors = {
  source,
  note:
    'pieces are the bytes of the body in the order in which they arrive, each UTF-8 text; trailers are a flat list as headers are; ' +
    'end_ms is the time at which the trailers are verified, that of the head where a case has none; outcome is how the body ended ' +
    '("complete" or "partial") or the code of the refusal; for the rest as in seal.json',
  expected: { ...expected, takes_upload: true, takes_events: false },
  keys,
  requests,
  answers,
}

await writeFile(new URL('streams.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
