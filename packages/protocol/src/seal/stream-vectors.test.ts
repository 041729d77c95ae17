import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TrustSection } from '../bulletin/sections.ts'
import { verifyBase } from '../signature/algorithm.ts'
import { signatureBase } from '../signature/base.ts'
import { parseSignatureFields } from '../signature/fields.ts'
import { combineFields, type SignedMessage } from '../signature/message.ts'
import { compileTrust } from '../token/trust.ts'
import { createWitCache } from '../token/wit-cache.ts'
import { createNonceStore } from './nonce-store.ts'
import { es256Seal } from './seal.ts'
import { sealLimits, type FlatFields, type HeadStream, type RequestBinding } from './terms.ts'

interface Expected {
  readonly now_ms: number
  readonly end_ms?: number
  readonly trust: TrustSection
  readonly audience: string
  readonly boot: string
  readonly peer: string
  readonly module: string
  readonly operation: string
  readonly instance: string
  readonly takes_upload: boolean
  readonly takes_events: boolean
}

interface Case extends Partial<Expected> {
  readonly name: string
  readonly outcome: string
  readonly headers: FlatFields
  readonly signature_base: string
  readonly pieces: readonly string[]
  readonly trailers: FlatFields
  readonly end_signature_base?: string
}

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(await readFile(new URL('../../../../vectors/streams.json', import.meta.url), 'utf8')) as {
  readonly expected: Expected
  readonly requests: readonly (Case & { readonly method: string; readonly target: string })[]
  readonly answers: readonly (Case & { readonly status: number; readonly binding: RequestBinding })[]
}

type HeadVerdict =
  | { readonly ok: true; readonly value: { readonly stream: HeadStream | undefined } }
  | { readonly ok: false; readonly code: string }

/** What a receiver makes of the head, the pieces and the trailers of a case. */
function outcomeOf(head: HeadVerdict, { pieces, trailers }: Case, endMs: number): string {
  if (!head.ok) return head.code
  assert(head.value.stream !== undefined)
  const verifier = es256Seal.verifyBody(head.value.stream, sealLimits)
  for (const piece of pieces) {
    const refusal = verifier.add(Buffer.from(piece))
    if (refusal !== undefined) return refusal.code
  }
  const end = verifier.end(trailers, endMs)
  return end.ok ? end.value : end.code
}

/** That the published bases are what head and trailers of an accepted case sign, byte by byte. */
function checkBases(head: HeadVerdict, vector: Case, message: SignedMessage): void {
  const { fields } = message
  const parsed = parseSignatureFields(fields.get('signature-input') ?? '', fields.get('signature') ?? '')
  const signature = parsed.ok ? parsed.value.get('wimse') : undefined
  const base = signature && signatureBase(signature.components, signature.text, message)
  assert.equal(base, vector.signature_base, vector.name)
  if (vector.end_signature_base === undefined) return
  const end = (combineFields(vector.trailers).get('signature') ?? '').slice('wimse-end=:'.length, -1)
  assert(head.ok && head.value.stream !== undefined)
  const { key } = head.value.stream
  const verifies = verifyBase('ecdsa-p256-sha256', key, vector.end_signature_base, Buffer.from(end, 'base64'))
  assert.ok(verifies, vector.name)
}

test('streams.json: every streamed request ends, or is refused, as published', () => {
  assert(vectors.requests.length >= 25)
  for (const vector of vectors.requests) {
    const { now_ms, end_ms, trust, takes_upload: takesUpload, ...expected } = { ...vectors.expected, ...vector }
    const { method, target, headers: rawHeaders } = vector
    const head = es256Seal.verifyRequestHead(
      { method, target, rawHeaders },
      {
        ...expected,
        takesUpload,
        nowMs: now_ms,
        trust: compileTrust(trust),
        limits: sealLimits,
        wits: createWitCache(4),
        nonces: createNonceStore(4),
      },
    )
    const outcome = outcomeOf(head, vector, end_ms ?? now_ms)
    assert.equal(outcome, vector.outcome, vector.name)
    if (outcome === 'complete' || outcome === 'partial')
      checkBases(head, vector, { method, target, fields: combineFields(rawHeaders) })
  }
})

test('streams.json: every streamed answer ends, or is refused, as published', () => {
  assert(vectors.answers.length >= 23)
  for (const vector of vectors.answers) {
    const { now_ms, end_ms, trust, instance, takes_events: takesEvents } = { ...vectors.expected, ...vector }
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
        takesEvents,
        nowMs: now_ms,
      },
    )
    const outcome = outcomeOf(head, vector, end_ms ?? now_ms)
    assert.equal(outcome, vector.outcome, vector.name)
    const request = { ...binding, fields: new Map<string, string>() }
    if (outcome === 'complete' || outcome === 'partial')
      checkBases(head, vector, { status, fields: combineFields(rawHeaders), request })
  }
})

test('streams.json: has complete and partial bodies both ways, and each code with which an end is refused', () => {
  for (const cases of [vectors.requests, vectors.answers]) {
    const outcomes = new Set(cases.map(({ outcome }) => outcome))
    assert.deepEqual([...outcomes].sort(), ['complete', 'partial', 'seal-body', 'seal-expired', 'seal-invalid'])
  }
})
