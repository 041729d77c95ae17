import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { JWK } from 'jose'
import { parseTarget } from '../target/canonical-target.ts'
import { verifyDpopProof } from './proof.ts'
import { normalTargetUri } from './target-uri.ts'
import { thumbprintOf } from './thumbprint.ts'

interface Case {
  readonly name: string
  readonly outcome: string
  readonly proof: string
  readonly claims?: unknown
}

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(await readFile(new URL('../../../../vectors/proofs.json', import.meta.url), 'utf8')) as {
  readonly expected: {
    readonly now_ms: number
    readonly method: string
    readonly uri: string
    readonly token: string
    readonly thumbprint: string
  }
  readonly keys: Readonly<Record<string, JWK>>
  readonly request: { readonly target: string; readonly headers: readonly string[] }
  readonly proofs: readonly Case[]
}
const { now_ms: nowMs, method, uri, token, thumbprint } = vectors.expected

test('proofs.json: every proof is accepted or refused as published', () => {
  assert(vectors.proofs.length >= 36)
  assert(vectors.proofs.some(({ outcome }) => outcome === 'accepted'))
  for (const { name, outcome, proof, claims } of vectors.proofs) {
    const verdict = verifyDpopProof(proof, { method, uri, token, thumbprint, nowMs })
    assert.equal(verdict.ok ? 'accepted' : verdict.code, outcome, name)
    const [, said = ''] = proof.split('.')
    if (verdict.ok) assert.deepEqual(JSON.parse(Buffer.from(said, 'base64url').toString()), claims, name)
  }
})

test('proofs.json: the thumbprint is that of the key, and the address that of the request', () => {
  const jwk = vectors.keys['dpop client']
  assert(jwk !== undefined)
  assert.equal(thumbprintOf(createPublicKey({ key: jwk, format: 'jwk' })), thumbprint)
  const target = parseTarget(vectors.request.target)
  assert(target.ok)
  assert.equal(normalTargetUri(`https://gateway.example:8443${target.value.text}`), uri)
  assert.deepEqual(vectors.request.headers.slice(2), [
    'authorization',
    `DPoP ${token}`,
    'dpop',
    vectors.proofs[0]?.proof,
  ])
})
