import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TrustSection } from '../bulletin/sections.ts'
import { formatSpiffeId, parseSpiffeId, type WorkloadId } from '../identity/spiffe-id.ts'
import { importKeyRecord } from '../jws/key-record.ts'
import type { Verdict } from '../verdict.ts'
import { verifyBulletin } from './bulletin-token.ts'
import { verifyTestToken } from './test-token.ts'
import { compileTrust } from './trust.ts'
import { verifyTxnToken } from './txn-token.ts'
import { verifyWit } from './wit.ts'

interface Expected {
  readonly now_ms: number
  readonly trust: TrustSection
  readonly requester: string
  readonly module: string
  readonly operation: string
  readonly target: string
  readonly test_audience: string
  readonly bulletin_audience: string
  readonly bulletin_key: unknown
}

interface Case extends Partial<Expected> {
  readonly name: string
  readonly outcome: string
  readonly token: string
  readonly claims?: unknown
}

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(await readFile(new URL('../../../../vectors/tokens.json', import.meta.url), 'utf8')) as {
  readonly expected: Expected
  readonly identities: readonly { readonly text: string; readonly outcome: string; readonly parsed?: WorkloadId }[]
  readonly wits: readonly Case[]
  readonly txn_tokens: readonly Case[]
  readonly test_tokens: readonly Case[]
  readonly bulletins: readonly Case[]
}

/** That each case is accepted or refused as published, and that the published claims are those of the token. */
function checkAll(
  cases: readonly Case[],
  atLeast: number,
  verify: (token: string, expected: Expected) => Verdict<unknown>,
) {
  assert(cases.length >= atLeast)
  assert(cases.some(({ outcome }) => outcome === 'accepted'))
  for (const vector of cases) {
    const verdict = verify(vector.token, { ...vectors.expected, ...vector })
    assert.equal(verdict.ok ? 'accepted' : verdict.code, vector.outcome, vector.name)
    const [, claims = ''] = vector.token.split('.')
    if (verdict.ok)
      assert.deepEqual(JSON.parse(Buffer.from(claims, 'base64url').toString()), vector.claims, vector.name)
  }
}

test('tokens.json: every identity is read or refused as published', () => {
  assert(vectors.identities.length >= 14)
  for (const { text, outcome, parsed } of vectors.identities) {
    const id = parseSpiffeId(text)
    assert.equal(id === undefined ? 'refused' : 'accepted', outcome, text)
    assert.deepEqual(id, parsed, text)
    if (id !== undefined) assert.equal(formatSpiffeId(id), text)
  }
})

test('tokens.json: every WIT is accepted or refused as published', () => {
  checkAll(vectors.wits, 18, (token, { trust, now_ms }) => verifyWit(token, compileTrust(trust), now_ms))
})

test('tokens.json: every Txn-Token is accepted or refused as published', () => {
  checkAll(vectors.txn_tokens, 19, (token, { trust, now_ms: nowMs, requester, module, operation, target }) =>
    verifyTxnToken(token, { trust: compileTrust(trust), requester, module, operation, target, nowMs }),
  )
})

test('tokens.json: every test token is accepted or refused as published', () => {
  checkAll(vectors.test_tokens, 9, (token, { trust, now_ms: nowMs, test_audience: audience }) =>
    verifyTestToken(token, { trust: compileTrust(trust), audience, nowMs }),
  )
})

test('tokens.json: every message of the bulletin is accepted or refused as published', () => {
  checkAll(vectors.bulletins, 10, (token, { bulletin_audience: audience, bulletin_key }) => {
    const key = importKeyRecord(bulletin_key)
    assert(key !== undefined)
    return verifyBulletin(token, key, { audience })
  })
})
