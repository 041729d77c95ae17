import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, decodeBase64url } from './base64url.ts'
import { encodeBase62 } from './base62.ts'
import { isCount, isPlainText } from './shape.ts'
import { parseStrictJson } from './strict-json.ts'

test('decodeBase64url() gives back what was encoded', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url')
      assert.deepEqual(decodeBase64url(text), Buffer.from(bytes))
    }),
  )
})

test('decodeBase64url() accepts no second spelling of the same bytes', () => {
  // "QQ" is "A"; the others decode to it in Node too.
  assert.deepEqual(decodeBase64url('QQ'), Buffer.from('A'))
  for (const text of ['QQ==', 'QR', ' QQ', 'QQ\n', 'Q.Q', 'Q Q', 'QQ=', 'Q', '+_8', '/-8', 'QQ\u0000']) {
    assert.equal(decodeBase64url(text), undefined, JSON.stringify(text))
  }
})

test('decodeBase64url() accepts a text only if it is the encoding of its bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'A Q g w _ - + / = . \n'.split(' '), ' ') }), (text) => {
      const bytes = decodeBase64url(text)
      if (bytes !== undefined) assert.equal(bytes.toString('base64url'), text)
    }),
  )
})

test('decodeBase64() requires padding and the alphabet of base64', () => {
  assert.deepEqual(decodeBase64('QQ=='), Buffer.from('A'))
  for (const text of ['QQ', 'QR==', '_-8=', 'QQ== ']) assert.equal(decodeBase64(text), undefined, text)
})

test('encodeBase62() pads to its length and refuses what does not fit', () => {
  assert.equal(encodeBase62(Uint8Array.of(0), 3), '000')
  assert.equal(encodeBase62(Uint8Array.of(61), 2), '0z')
  assert.equal(encodeBase62(Uint8Array.of(62), 2), '10')
  assert.equal(encodeBase62(new Uint8Array(32).fill(255), 43).length, 43)
  assert.throws(() => encodeBase62(Uint8Array.of(62), 1), RangeError)
})

test('parseStrictJson() gives what JSON.parse gives for every text that JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      const verdict = parseStrictJson(text)
      if (hasProtoMember(value) || hasLargeNumber(value)) return assert.equal(verdict.ok, false)
      assert.deepEqual(verdict, { ok: true, value: JSON.parse(text) })
    }),
  )
})

function hasProtoMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProtoMember)
}

function hasLargeNumber(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber)
}

test('parseStrictJson() accepts a text only if JSON.parse does', () => {
  const pieces = ['{', '}', '[', ']', ':', ',', '"', '"a"', '"\\""', '\\', '1', '-', '1e9', 'null', ' ']
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces)), (parts) => {
      const text = parts.join('')
      const verdict = parseStrictJson(text)
      if (!verdict.ok) return
      assert.deepEqual(verdict.value, JSON.parse(text))
    }),
    { numRuns: 2000 },
  )
})

test('parseStrictJson() refuses a member that is written twice, at any depth and in any spelling', () => {
  const member = fc.tuple(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(fc.array(member, { minLength: 1 }), fc.nat(), fc.nat(5), (members, pick, depth) => {
      const unique = [...new Map(members)].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      const repeated = [...unique, unique[pick % unique.length]]
      const wrap = (list: readonly (string | undefined)[]) =>
        `${'[{"x":'.repeat(depth)}{${list.join()}}${'}]'.repeat(depth)}`
      assert.equal(parseStrictJson(wrap(repeated)).ok, false)
    }),
  )
  for (const text of [
    '{"exp":1,"exp":2}',
    String.raw`{"exp":1,"\u0065xp":2}`,
    '{"a":{"b":1,"b":1}}',
    '[{"a":{"x":1},"a":{}}]',
    '{"a":"\\":","a":1}',
  ]) {
    assert.deepEqual(parseStrictJson(text).ok, false, text)
  }
  assert.equal(parseStrictJson('{"a":{"a":{"a":":"}},"b":[{"a":1},{"a":2}]}').ok, true)
})

test('parseStrictJson() refuses __proto__, deep nesting and what is no JSON', () => {
  assert.equal(parseStrictJson('{"__proto__":{}}').ok, false)
  assert.equal(parseStrictJson(String.raw`{"a":{"__\u0070roto__":1}}`).ok, false)
  assert.equal(parseStrictJson(`${'['.repeat(64)}${']'.repeat(64)}`).ok, true)
  assert.equal(parseStrictJson(`${'['.repeat(65)}${']'.repeat(65)}`).ok, false)
  assert.equal(parseStrictJson('[['.concat(']]'), 1).ok, false)
  for (const text of ['', '{', '{"a":1}{', '{a:1}', "{'a':1}", '[1,]', 'NaN', '\ufeff{}', '01']) {
    assert.equal(parseStrictJson(text).ok, false, text)
  }
})

const inPlaces = (value: string) => [value, `[0,${value}]`, `{"a":{"b":${value}}}`, `{"a":1,"b":[[],${value}]}`]

test('parseStrictJson() refuses numbers that not every reader reads alike, and says to send them as text', () => {
  for (const number of ['1e999', '-1e999', '9007199254740992', '-9007199254740992', '12345678901234567890', '1e16']) {
    for (const text of inPlaces(number)) {
      const verdict = parseStrictJson(text)
      assert.ok(!verdict.ok, text)
      assert.equal(verdict.code, 'body-malformed')
      assert.match(verdict.detail, /number.*as text/)
    }
  }
  for (const number of ['9007199254740991', '-9007199254740991', '0.1', '-1.5e-300', '9e15', '1.0']) {
    for (const text of inPlaces(number)) assert.deepEqual(parseStrictJson(text), { ok: true, value: JSON.parse(text) })
  }
  assert.equal(parseStrictJson('"12345678901234567890"').ok, true)
})

test('parseStrictJson() refuses half a surrogate pair, in a text and in the name of a member', () => {
  const halves = [String.raw`"\ud800"`, String.raw`"a\udc00"`, String.raw`"\udc00\ud800"`, '"\ud800"']
  for (const half of halves) {
    for (const text of [...inPlaces(half), `{${half}:1}`, `[{"a":{${half}:{}}}]`]) {
      const verdict = parseStrictJson(text)
      assert.ok(!verdict.ok, text)
      assert.match(verdict.detail, /surrogate/)
    }
  }
  const whole = String.raw`"\ud83d\ude00"`
  for (const text of [...inPlaces(whole), `{${whole}:1}`, '"😀"', String.raw`"\u0000"`])
    assert.deepEqual(parseStrictJson(text), { ok: true, value: JSON.parse(text) })
})

test('isCount() takes whole numbers that every reader reads alike', () => {
  for (const value of [0, 1, Number.MAX_SAFE_INTEGER]) assert.equal(isCount(value), true)
  for (const value of [-1, 1.5, Infinity, NaN, 2 ** 53, '1', null, undefined]) assert.equal(isCount(value), false)
})

test('isPlainText() refuses empty, long and line-breaking text', () => {
  assert.equal(isPlainText('Zoë', 3), true)
  for (const value of ['', 'abcd', 'a\n', 'a\u0000', 7]) assert.equal(isPlainText(value, 3), false)
})
