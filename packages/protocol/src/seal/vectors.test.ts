import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TrustSection } from '../bulletin/sections.ts'
import { signatureBase } from '../signature/base.ts'
import { parseSignatureFields } from '../signature/fields.ts'
import { combineFields, type SignedMessage } from '../signature/message.ts'
import { compileTrust } from '../token/trust.ts'
import { createWitCache } from '../token/wit-cache.ts'
import { identityOf, ids, nowMs, requestExpectations } from './fixed-world.ts'
import { createNonceStore } from './nonce-store.ts'
import { es256Seal } from './seal.ts'
import { sealLimits, type RequestBinding } from './terms.ts'

interface Expected {
  readonly now_ms: number
  readonly trust: TrustSection
  readonly audience: string
  readonly boot: string
  readonly peer: string
  readonly module: string
  readonly operation: string
  readonly instance: string
}

interface Case extends Partial<Expected> {
  readonly name: string
  readonly outcome: string
  readonly headers: readonly string[]
  readonly body: string
  readonly signature_base: string
}

async function readVectors(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(`../../../../vectors/${name}`, import.meta.url), 'utf8'))
}

// The files have these shapes; the tests fail if one changes.
const vectors = (await readVectors('seal.json')) as {
  readonly expected: Expected
  readonly requests: readonly (Case & { readonly method: string; readonly target: string })[]
  readonly answers: readonly (Case & { readonly status: number; readonly binding: RequestBinding })[]
}
const wimse = (await readVectors('wimse-http-signature.json')) as {
  readonly request: string
  readonly response: string
}

function baseOf(message: SignedMessage): string | undefined {
  const { fields } = message
  const parsed = parseSignatureFields(fields.get('signature-input') ?? '', fields.get('signature') ?? '')
  const signature = parsed.ok ? parsed.value.get('wimse') : undefined
  return signature && signatureBase(signature.components, signature.text, message)
}

test('seal.json: every request is accepted or refused as published', () => {
  assert(vectors.requests.length >= 16)
  for (const vector of vectors.requests) {
    const { now_ms, trust, instance: _, ...expected } = { ...vectors.expected, ...vector }
    const { method, target, headers: rawHeaders } = vector
    const head = es256Seal.verifyRequestHead(
      { method, target, rawHeaders },
      {
        ...expected,
        takesUpload: false,
        nowMs: now_ms,
        trust: compileTrust(trust),
        limits: sealLimits,
        wits: createWitCache(4),
        nonces: createNonceStore(4),
      },
    )
    const whole = head.ok ? es256Seal.verifyRequestBody(head.value, Buffer.from(vector.body), []) : head
    assert.equal(whole.ok ? 'accepted' : whole.code, vector.outcome, vector.name)
    if (whole.ok) assert.equal(baseOf({ method, target, fields: combineFields(rawHeaders) }), vector.signature_base)
  }
})

test('seal.json: every answer is accepted or refused as published', () => {
  assert(vectors.answers.length >= 8)
  for (const vector of vectors.answers) {
    const { now_ms, trust, instance } = { ...vectors.expected, ...vector }
    const { status, headers: rawHeaders, binding } = vector
    const head = es256Seal.verifyAnswerHead(
      { status, rawHeaders },
      {
        trust: compileTrust(trust),
        wits: createWitCache(4),
        limits: sealLimits,
        instance,
        peer: instance,
        binding,
        takesEvents: false,
        nowMs: now_ms,
      },
    )
    const whole = head.ok ? es256Seal.verifyAnswerBody(head.value, Buffer.from(vector.body), []) : head
    assert.equal(whole.ok ? 'accepted' : whole.code, vector.outcome, vector.name)
    const request = { ...binding, fields: new Map<string, string>() }
    if (whole.ok) assert.equal(baseOf({ status, fields: combineFields(rawHeaders), request }), vector.signature_base)
  }
})

test('seal.json: the signature bases begin as wire.md orders the components', () => {
  const first = vectors.requests[0]?.signature_base.split('\n').map((line) => line.slice(0, line.indexOf(': ')))
  assert.deepEqual(first, [
    '"@method"',
    '"@request-target"',
    '"txn-token"',
    '"workload-identity-token"',
    '"pop-request"',
    '"content-digest"',
    '"accept"',
    '"content-type"',
    '"if-match"',
    '"@signature-params"',
  ])
})

test('wimse-http-signature.json: the published messages, of 300 s and Ed25519, are refused by the profile', () => {
  const rawOf = (text: string) =>
    (text.split('\n\n')[0] ?? '')
      .split('\n')
      .slice(1)
      .flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  const atTheTime = 1_785_155_800_000
  const target = '/gimme-ice-cream?flavor=vanilla'
  const request = { method: 'GET', target, rawHeaders: rawOf(wimse.request) }
  const expected = requestExpectations({ nowMs: atTheTime, audience: 'https://svcb.example.com/gimme-ice-cream' })
  assert.equal(es256Seal.verifyRequestHead(request, expected).ok, false)
  const binding = { method: 'GET', target, nonce: 'abcd1111' }
  const { trust, wits, limits } = expected
  const head = es256Seal.verifyAnswerHead(
    { status: 404, rawHeaders: rawOf(wimse.response) },
    { trust, wits, limits, instance: ids.kafka, peer: undefined, binding, takesEvents: false, nowMs: atTheTime },
  )
  assert.equal(!head.ok && head.code, 'seal-expired')
})

test('an answer with the shape of the published one but a life of 300 s is refused only for its life', () => {
  const binding = { method: 'GET', target: '/', nonce: 'abcd1111' }
  const answer = { status: 404, headers: [], body: undefined, binding }
  const { headers: rawHeaders } = es256Seal.sealAnswer(answer, identityOf(ids.kafka), { nowMs, nonce: 'abcd2222' })
  const { trust, wits } = requestExpectations()
  const expected = { trust, wits, instance: ids.kafka, peer: undefined, binding, takesEvents: false, nowMs }
  const verify = (lifeSecondsMax: number) =>
    es256Seal.verifyAnswerHead(
      { status: 404, rawHeaders },
      { ...expected, limits: { lifeSecondsMax, skewSecondsMax: 5 } },
    )
  assert.equal(verify(30).ok, true)
  const short = verify(29)
  assert.equal(!short.ok && short.code, 'seal-expired')
})
