import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TxnClaims } from '../token/txn-claims.ts'
import { indexRevocations } from './revocation-index.ts'
import { identifyRevocation, isRevocation, type Revocation } from './revocation.ts'
import { marksOfTxn } from './txn-marks.ts'

interface Expected {
  readonly now_ms: number
  readonly sub: string
  readonly rctx: TxnClaims['rctx']
}

interface Case extends Partial<Expected> {
  readonly name: string
  readonly outcome: 'covered' | 'free'
  readonly revocations: readonly Revocation[]
}

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(
  await readFile(new URL('../../../../vectors/revocations.json', import.meta.url), 'utf8'),
) as { readonly expected: Expected; readonly cases: readonly Case[] }

test('revocations.json: every token is covered or free as published', () => {
  assert.ok(vectors.cases.length >= 20)
  for (const vector of vectors.cases) {
    const { now_ms: nowMs, sub, rctx, revocations, outcome, name } = { ...vectors.expected, ...vector }
    const isCovered = indexRevocations(revocations).covers(marksOfTxn({ sub, rctx }), Math.floor(nowMs / 1000))
    assert.equal(isCovered ? 'covered' : 'free', outcome, name)
  }
})

test('revocations.json: every id is the one of its facts', () => {
  for (const revocation of vectors.cases.flatMap(({ revocations }) => revocations)) {
    assert.ok(isRevocation(revocation))
    assert.deepEqual(identifyRevocation(revocation), revocation)
  }
})
