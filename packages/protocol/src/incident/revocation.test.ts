import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sectionShapes } from '../token/section-shape.ts'
import { indexRevocations, type TokenMarks } from './revocation-index.ts'
import { readRevocationRequest } from './revocation-request.ts'
import { identifyRevocation, isRevocation, lastingUntil, type RevocationFacts } from './revocation.ts'
import { shareOf } from './share.ts'
import { makerOf, marksOfTxn } from './txn-marks.ts'

const now = 1_800_000_000
const until = now + 100
const issuer = 'https://id.example/realms/pop'
const token: TokenMarks = {
  sub: 'user:bob',
  jti: 'j-1',
  sid: 's-1',
  client: 'pop-cli',
  kid: 'k-1',
  issuer,
  iat: now - 10,
  authTime: now - 60,
}

const covers = (facts: RevocationFacts, marks: TokenMarks = token, atSeconds = now): boolean =>
  indexRevocations([identifyRevocation(facts)]).covers(marks, atSeconds)

const whole: readonly (readonly ['jti' | 'sid' | 'kid', string])[] = [
  ['jti', 'j-1'],
  ['sid', 's-1'],
  ['kid', 'k-1'],
]
for (const [kind, value] of whole) {
  test(`indexRevocations() covers every token of a ${kind}, whenever issued, and no other`, () => {
    assert.equal(covers({ kind, value, until }), true)
    assert.equal(covers({ kind, value, until }, { ...token, iat: now + 50 }), true)
    assert.equal(covers({ kind, value: `${value}1`, until }), false)
    assert.equal(covers({ kind, value: '__proto__', until }), false)
  })
}

const timed: readonly (readonly ['sub' | 'client' | 'issuer', string])[] = [
  ['sub', 'user:bob'],
  ['client', 'pop-cli'],
  ['issuer', issuer],
]
for (const [kind, value] of timed) {
  test(`indexRevocations() covers the tokens of a ${kind} up to the moment, and none that was issued later`, () => {
    const later = { ...token, iat: now + 6, authTime: now + 6 }
    assert.equal(covers({ kind, value, until, issued_until: now - 10 }), true)
    assert.equal(covers({ kind, value, until, issued_until: now + 5 }, later), false)
    assert.equal(covers({ kind, value: `${value}1`, until, issued_until: now }), false)
  })

  test(`indexRevocations() takes a token whose time nobody knows for one that a revocation of ${kind} covers`, () => {
    const { iat: _iat, ...timeless } = token
    assert.equal(covers({ kind, value, until, issued_until: now }, timeless), true)
  })
}

test('indexRevocations() covers a refreshed token of an older sign-in by user and client, and not by issuer', () => {
  const refreshed = { ...token, iat: now + 30 }
  assert.equal(covers({ kind: 'sub', value: 'user:bob', until, issued_until: now }, refreshed), true)
  assert.equal(covers({ kind: 'client', value: 'pop-cli', until, issued_until: now }, refreshed), true)
  assert.equal(covers({ kind: 'issuer', value: issuer, until, issued_until: now }, refreshed), false)
})

test('indexRevocations() covers by any issuer where that of the token is not known', () => {
  const facts = { kind: 'issuer', value: issuer, until, issued_until: now } as const
  assert.equal(covers(facts, { ...token, issuer: undefined }), true)
  assert.equal(covers(facts, { ...token, issuer: 'urn:pop:test' }), false)
})

test('indexRevocations() lets go of a revocation at its end', () => {
  assert.equal(covers({ kind: 'jti', value: 'j-1', until }, token, until - 1), true)
  assert.equal(covers({ kind: 'jti', value: 'j-1', until }, token, until), false)
})

test('indexRevocations() takes the widest of several about the same', () => {
  const wide = identifyRevocation({ kind: 'sub', value: 'user:bob', until, issued_until: now })
  const narrow = identifyRevocation({ kind: 'sub', value: 'user:bob', until: now + 1, issued_until: now - 50 })
  const late = { ...token, authTime: now - 20 }
  for (const order of [
    [wide, narrow],
    [narrow, wide],
  ])
    assert.equal(indexRevocations(order).covers(late, until - 1), true)
})

test('identifyRevocation() gives the same id to the same facts, and another to any other', () => {
  const id = (facts: RevocationFacts): string => identifyRevocation(facts).id
  const facts = { kind: 'sub', value: 'user:bob', until, issued_until: now } as const
  assert.equal(id(facts), id({ ...facts, until: until + 1 }))
  const others = [
    facts,
    { ...facts, issued_until: now + 1 },
    { ...facts, kind: 'client' as const },
    { ...facts, value: 'user:eve' },
    { kind: 'jti' as const, value: 'user:bob', until },
  ]
  assert.equal(new Set(others.map(id)).size, others.length)
})

test('marksOfTxn() reads the marks of the token of the caller', () => {
  const rctx = {
    req_ip: '192.0.2.1',
    client: 'pop-cli',
    sid: 's-1',
    auth_jti: 'j-1',
    auth_kid: 'k-1',
    auth_iat: now - 10,
    auth_time: now - 60,
  }
  assert.deepEqual(marksOfTxn({ sub: 'user:bob', rctx }), { ...token, issuer: undefined })
  assert.equal(marksOfTxn({ sub: 'user:bob', rctx: { ...rctx, test_token: true } }).issuer, 'urn:pop:test')
})

test('indexRevocations() covers a test token by whatever is about its maker, and no other by that', () => {
  const rctx = {
    req_ip: '192.0.2.1',
    client: 'pop-cli',
    sid: 's-1',
    auth_jti: 'j-1',
    auth_kid: 'k-1',
    auth_iat: now - 10,
  }
  const maker = makerOf({ sub: 'user:bob', rctx: { ...rctx, name: 'bob', acr: 'pop-mfa' } })
  assert.deepEqual(Object.keys(maker).sort(), ['auth_iat', 'auth_jti', 'auth_kid', 'client', 'sid', 'sub'])
  const own = { req_ip: '192.0.2.1', client: 'pop-test', auth_jti: 't-1', auth_iat: now, test_token: true } as const
  const sub = 'user:urn:pop:test:tess'
  const made = marksOfTxn({ sub, rctx: { ...own, maker } })
  for (const [kind, value] of whole) {
    assert.equal(covers({ kind, value, until }, made), true, kind)
    assert.equal(covers({ kind, value, until }, marksOfTxn({ sub, rctx: own })), false, kind)
  }
  for (const [kind, value] of timed) {
    assert.equal(covers({ kind, value, until, issued_until: now - 10 }, made), true, kind)
    assert.equal(
      covers({ kind, value, until, issued_until: now - 11 }, made),
      false,
      `${kind} before the maker's token`,
    )
  }
  assert.equal(covers({ kind: 'jti', value: 't-1', until }, made), true)
})

const good = identifyRevocation({ kind: 'sub', value: 'user:bob', until, issued_until: now })
const account = { reason: 'left', by: 'user:alice', at: now }
test('isRevocation() takes what identifyRevocation() makes, with its account or without', () => {
  for (const one of [good, { ...good, account }, identifyRevocation({ kind: 'kid', value: 'k', until })])
    assert.equal(isRevocation(one), true)
})

const shapeless: readonly (readonly [string, unknown])[] = [
  ['of a kind that nobody knows', { ...good, kind: 'ip' }],
  ['of a user without its moment', { ...good, issued_until: undefined }],
  ['of a session with a moment', { ...good, kind: 'sid' }],
  ['whose end is no whole number', { ...good, until: Infinity }],
  ['whose moment is a text', { ...good, issued_until: '1' }],
  ['without a value', { ...good, value: '' }],
  ['with a line end in its value', { ...good, value: 'user:a\nb' }],
  ['without an id', { ...good, id: undefined }],
  ['with an account that lacks something', { ...good, account: { ...account, by: undefined } }],
  ['that is a list', [good]],
]
for (const [name, value] of shapeless) {
  test(`the shape of the section incidents refuses a revocation ${name}`, () => {
    assert.equal(isRevocation(value), false)
    assert.equal(sectionShapes.incidents({ revocations: [good, value] }), false)
  })
}

test('the shape of the section incidents takes no more than the most', () => {
  assert.equal(sectionShapes.incidents({ revocations: [] }), true)
  assert.equal(sectionShapes.incidents({ revocations: Array.from({ length: 10_001 }, () => good) }), false)
  assert.equal(sectionShapes.incidents({}), false)
})

test('the shape of the section incidents takes unlocks, and none that is malformed', () => {
  const unlock = { name: 'ann', at: 1_800_000_000_000, until: 1_800_000_300_000 }
  const holds = (unlocks: unknown): boolean => sectionShapes.incidents({ revocations: [], unlocks })
  assert.equal(holds([]), true)
  assert.equal(holds([unlock, { ...unlock, name: 'ann@example.org' }]), true)
  const refused: readonly unknown[] = [
    unlock,
    [{ ...unlock, name: '' }],
    [{ ...unlock, name: 7 }],
    [{ ...unlock, at: -1 }],
    [{ ...unlock, until: 'soon' }],
    ['ann'],
    Array.from({ length: 1_001 }, () => unlock),
  ]
  for (const unlocks of refused) assert.equal(holds(unlocks), false, JSON.stringify(unlocks)?.slice(0, 80))
})

test('lastingUntil() is never shorter than what is covered can live', () => {
  assert.ok(lastingUntil('jti', now) >= now + 86_400)
  for (const kind of ['sid', 'sub', 'client', 'kid'] as const) assert.ok(lastingUntil(kind, now) >= now + 30 * 86_400)
})

const orders: readonly (readonly [Readonly<Record<string, unknown>>, string, string])[] = [
  [{ session: 's-1' }, 'sid', 's-1'],
  [{ user: 'user:7f' }, 'sub', 'user:7f'],
  [{ user: 'client:reporter' }, 'sub', 'client:reporter'],
  [{ client: 'pop-cli' }, 'client', 'pop-cli'],
  [{ token: 'j-1' }, 'jti', 'j-1'],
  [{ key: 'k-1' }, 'kid', 'k-1'],
]
for (const [target, kind, value] of orders) {
  test(`readRevocationRequest() takes ${JSON.stringify(target)} with a reason`, () => {
    const read = readRevocationRequest({ ...target, reason: 'laptop lost' })
    assert.deepEqual(read, { ok: true, value: { kind, value, reason: 'laptop lost', dry_run: false } })
  })
}

const reason = 'laptop lost'
const unread: readonly unknown[] = [
  undefined,
  [],
  { reason },
  { user: 'user:7f' },
  { user: 'user:7f', reason: '' },
  { user: 'user:7f', reason: ' ' },
  { user: 'user:7f', reason: 'two\nlines' },
  { user: 'user:7f', reason: 'x'.repeat(201) },
  { user: 'user:7f', session: 's-1', reason },
  { user: 'user:7f', reason, more: true },
  { user: 'user:7f', reason, dry_run: 'yes' },
  { user: '7f', reason },
  { user: 'module:kafka_service', reason },
  { user: 'user:', reason },
  { user: 7, reason },
  { session: '', reason },
  { issuer, reason },
  { constructor: 'x', reason },
  { token: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', reason },
]
for (const body of unread) {
  test(`readRevocationRequest() refuses ${JSON.stringify(body)?.slice(0, 80)}`, () => {
    const read = readRevocationRequest(body)
    assert.equal(read.ok, false)
    assert.ok(!read.ok && read.code === 'body-invalid' && !read.detail.includes('eyJ'))
  })
}

test('shareOf() gives tokens and sessions to their holder, and what an operator or the provider says to nobody', () => {
  const by = (kind: 'jti' | 'sid', holder: string) =>
    shareOf({ kind, value: 'v', until, account: { reason: 'r', by: holder, at: now } })
  assert.equal(new Set([by('jti', 'user:a'), by('sid', 'user:a'), by('jti', 'user:b'), by('sid', 'client:a')]).size, 4)
  assert.equal(by('sid', issuer), undefined)
  assert.equal(shareOf({ kind: 'sid', value: 'v', until }), undefined)
  const account = { reason: 'r', by: 'user:a', at: now }
  assert.equal(shareOf({ kind: 'sub', value: 'user:b', until, issued_until: now, account }), undefined)
})
